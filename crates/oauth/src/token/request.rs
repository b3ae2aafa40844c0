//! Requests to token endpoints.

use http::{
    HeaderMap, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use reqwest::RequestBuilder;
use url::{Url, form_urlencoded::Serializer};

use super::response::TokenResponse;
use crate::{
    client::RegisteredClient,
    dpop::{DpopKey, NONCE, PROOF},
    error::{OAuthError, Step},
    net::{Answer, HttpClient, Reach},
};

/// A request to a token endpoint.
pub(crate) struct TokenRequest<'a> {
    pub(crate) step: Step,
    pub(crate) endpoint: &'a Url,
    pub(crate) reach: Reach,
    pub(crate) client: &'a RegisteredClient,
    /// The issuer of the server, which assertions of the client name.
    pub(crate) audience: &'a str,
    pub(crate) form: Vec<(&'static str, String)>,
    /// The key that the token is to be bound to.
    pub(crate) key: Option<&'a DpopKey>,
}

impl TokenRequest<'_> {
    /// Sends the request, and once more where the server wants a nonce (RFC 9449 section 8).
    pub(crate) async fn send(&self, http: &HttpClient) -> Result<TokenResponse, OAuthError> {
        let mut answer = self.post(http, None).await?;
        if let Some(nonce) = answer.headers.get(NONCE).cloned()
            && self.key.is_some()
            && answer.status.is_client_error()
        {
            answer = self.post(http, Some(&nonce)).await?;
        }
        TokenResponse::of(&answer, self.step)
    }

    async fn post(
        &self,
        http: &HttpClient,
        nonce: Option<&HeaderValue>,
    ) -> Result<Answer, OAuthError> {
        let proof = |key: &DpopKey| key.proof(&Method::POST, self.endpoint, None, nonce);
        let proof = self.key.map(proof).transpose()?;
        let form = self.form.clone();
        let authenticated = self.client.authenticate(form, self.audience)?;
        let mut headers = HeaderMap::new();
        headers.extend(proof.map(|proof| (PROOF, proof)));
        headers.extend(authenticated.header.map(|it| (AUTHORIZATION, it)));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        let body = Serializer::new(String::new())
            .extend_pairs(&authenticated.form)
            .finish();
        let build = |request: RequestBuilder| request.headers(headers).body(body);
        http.post(self.reach, self.endpoint, self.step, build).await
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
