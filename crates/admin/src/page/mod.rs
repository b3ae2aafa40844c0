//! The page: one document with its style and its script in it.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
use sha2::{Digest, Sha256};

/// The document.
pub(crate) fn document() -> &'static str {
    &PAGE.document
}

/// The policy under which a browser runs the script of the document and no other one, and loads nothing
/// from elsewhere.
pub(crate) fn policy() -> HeaderValue {
    PAGE.policy.clone()
}

struct Page {
    document: String,
    policy: HeaderValue,
}

static PAGE: LazyLock<Page> = LazyLock::new(|| {
    let document = include_str!("page.html")
        .replace("/*style*/", STYLE)
        .replace("/*script*/", SCRIPT);
    let policy = format!(
        "default-src 'none'; base-uri 'none'; connect-src 'self'; form-action 'none'; \
         frame-ancestors 'none'; img-src data:; script-src '{}'; style-src '{}'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    Page {
        document,
        policy: HeaderValue::try_from(policy).expect("hashes are visible characters"),
    }
});

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("elements.js"),
    include_str!("charts.js"),
    include_str!("actions.js"),
    include_str!("keys.js"),
    include_str!("main.js"),
    "})();\n"
);

/// A source of a content security policy: the hash of the text.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
