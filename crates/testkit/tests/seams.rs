//! The implementations of the core, and simple ones, keep the promises of their seams.

use std::{num::NonZeroU32, sync::Arc};

use async_trait::async_trait;
use http::HeaderMap;
use mcp_pool_core::{
    Endpoint, Principal,
    error::CredentialError,
    extend::{
        CallerHeaders, ClientHandlerBox, CredentialRequest, CredentialSource, Fair, Fifo,
        HandlerFactory, HandlerFn, NoopHandlers, Observer, ServerMessages, Share, SharePolicy,
    },
};
use mcp_pool_testkit::{
    conformance::{CredentialCase, HandlerCase, ObserverCase, PolicyCase},
    credential_suite, fake, handler_suite, observer_suite, policy_suite,
};
use rmcp::{
    ClientHandler, ErrorData, RoleClient, model::ClientCapabilities, service::RequestContext,
};

mod callers_own_headers {
    use super::*;

    struct Case;

    impl CredentialCase for Case {
        fn source(&self) -> Arc<dyn CredentialSource> {
            Arc::new(CallerHeaders)
        }
    }

    credential_suite!(Case);
}

mod a_vault {
    use super::*;

    /// A token for each user, at one endpoint.
    struct Vault(Vec<(&'static str, Arc<HeaderMap>)>);

    #[async_trait]
    impl CredentialSource for Vault {
        async fn headers(
            &self,
            request: &CredentialRequest<'_>,
        ) -> Result<Arc<HeaderMap>, CredentialError> {
            if request.endpoint.host() != "upstream.test" {
                return Ok(Arc::default());
            }
            tokio::task::yield_now().await;
            let user = request.principal().user_id();
            let mut own = self.0.iter().filter(|(name, _)| Some(*name) == user);
            let headers = own.next().map(|(_, headers)| Arc::clone(headers));
            headers.ok_or_else(|| CredentialError::new("no token"))
        }
    }

    struct Case;

    impl CredentialCase for Case {
        fn source(&self) -> Arc<dyn CredentialSource> {
            let tokens = ["alice", "bob", "carol"].map(|user| {
                let mut headers = HeaderMap::new();
                let token = format!("Bearer upstream-token-of-{user}");
                headers.insert("authorization", token.parse().expect("a header value"));
                (user, Arc::new(headers))
            });
            Arc::new(Vault(tokens.to_vec()))
        }

        fn foreign_endpoint(&self) -> Option<Endpoint> {
            Some(fake::endpoint("elsewhere"))
        }

        fn caller_without_credential(&self) -> Option<HeaderMap> {
            Some(self.caller("mallory"))
        }
    }

    credential_suite!(Case);
}

mod no_handlers {
    use super::*;

    struct Case;

    impl HandlerCase for Case {
        fn factory(&self) -> Arc<dyn HandlerFactory> {
            Arc::new(NoopHandlers::default())
        }
    }

    handler_suite!(Case);
}

mod a_channel_of_messages {
    use super::*;

    struct Case;

    impl HandlerCase for Case {
        fn factory(&self) -> Arc<dyn HandlerFactory> {
            // The receiver is gone: no message may wait for it.
            Arc::new(ServerMessages::channel(1).0)
        }
    }

    handler_suite!(Case);
}

mod a_handler_with_roots {
    #![expect(deprecated, reason = "servers of today request roots")]

    use rmcp::model::ListRootsResult;

    use super::*;

    struct Roots;

    impl ClientHandler for Roots {
        async fn list_roots(
            &self,
            _context: RequestContext<RoleClient>,
        ) -> Result<ListRootsResult, ErrorData> {
            Ok(ListRootsResult::default())
        }
    }

    struct Case;

    impl HandlerCase for Case {
        fn factory(&self) -> Arc<dyn HandlerFactory> {
            let make = HandlerFn::new("roots", |_key: &_| ClientHandlerBox::new(Roots));
            Arc::new(make.declaring(ClientCapabilities::builder().enable_roots().build()))
        }
    }

    handler_suite!(Case);
}

mod an_observer_that_counts {
    use std::sync::atomic::{AtomicU64, Ordering};

    use mcp_pool_core::event::Closed;

    use super::*;

    #[derive(Default)]
    struct Closes(AtomicU64);

    impl Observer for Closes {
        fn closed(&self, _event: &Closed<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Case;

    impl ObserverCase for Case {
        fn observer(&self) -> Arc<dyn Observer> {
            Arc::new(Closes::default())
        }
    }

    observer_suite!(Case);
}

mod fair {
    use super::*;

    struct Case;

    impl PolicyCase for Case {
        fn policy(&self) -> Arc<dyn SharePolicy> {
            Arc::new(Fair)
        }
    }

    policy_suite!(Case);
}

mod first_come {
    use super::*;

    struct Case;

    impl PolicyCase for Case {
        fn policy(&self) -> Arc<dyn SharePolicy> {
            Arc::new(Fifo)
        }
    }

    policy_suite!(Case);
}

mod a_paid_tenant {
    use super::*;

    struct Paid;

    impl SharePolicy for Paid {
        fn share(&self, principal: &Principal) -> Share {
            let share = Share::of_tenant(principal);
            match principal.tenant() {
                Some("acme") => share.with_weight(NonZeroU32::MIN.saturating_add(2)),
                _ => share,
            }
        }
    }

    struct Case;

    impl PolicyCase for Case {
        fn policy(&self) -> Arc<dyn SharePolicy> {
            Arc::new(Paid)
        }
    }

    policy_suite!(Case);
}

/// Each suite finds an implementation that breaks its promises.
mod broken {
    use std::{
        pin::Pin,
        sync::atomic::{AtomicU32, Ordering},
    };

    use mcp_pool_core::{SessionPool, WeakPool, event::Built};
    use mcp_pool_testkit::conformance;

    use super::*;

    /// Sends the headers of its first caller for all.
    #[derive(Default)]
    struct First(std::sync::OnceLock<Arc<HeaderMap>>);

    #[async_trait]
    impl CredentialSource for First {
        async fn headers(
            &self,
            request: &CredentialRequest<'_>,
        ) -> Result<Arc<HeaderMap>, CredentialError> {
            let first = self.0.get_or_init(|| Arc::clone(request.caller));
            Ok(Arc::clone(first))
        }
    }

    /// Declares roots, and has none; its name changes.
    struct Empty(AtomicU32);

    impl HandlerFactory for Empty {
        fn profile(&self) -> &str {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => "first",
                _ => "next",
            }
        }

        fn declared(&self) -> ClientCapabilities {
            #[expect(deprecated, reason = "servers of today request roots")]
            ClientCapabilities::builder().enable_roots().build()
        }

        fn handler(&self, _key: &mcp_pool_core::PoolKey) -> ClientHandlerBox {
            ClientHandlerBox::new(Rootless)
        }
    }

    struct Rootless;

    impl ClientHandler for Rootless {
        #[expect(deprecated, reason = "servers of today request roots")]
        async fn list_roots(
            &self,
            _context: RequestContext<RoleClient>,
        ) -> Result<rmcp::model::ListRootsResult, ErrorData> {
            Err(ErrorData::method_not_found::<
                rmcp::model::ListRootsRequestMethod,
            >())
        }
    }

    /// Keeps its pool.
    #[derive(Default)]
    struct Keeper(std::sync::Mutex<Option<SessionPool>>);

    impl Observer for Keeper {
        fn built(&self, event: &Built<'_>) {
            let pool = WeakPool::of(event).and_then(|pool| pool.upgrade());
            *self.0.lock().expect("the lock") = pool;
        }
    }

    /// Gives one share two weights.
    struct Random(AtomicU32);

    impl SharePolicy for Random {
        fn share(&self, _principal: &Principal) -> Share {
            let weight = self.0.fetch_add(1, Ordering::Relaxed);
            Share::of_all().with_weight(NonZeroU32::MIN.saturating_add(weight))
        }
    }

    /// The text of the panic of a promise that is broken.
    fn failure(promise: fn() -> Pin<Box<dyn Future<Output = ()>>>) -> String {
        let run = move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            // No promise here needs a network, so that a wait in vain costs no time.
            let runtime = builder.enable_all().start_paused(true).build();
            runtime.expect("a runtime").block_on(promise());
        };
        let panic = std::thread::spawn(run)
            .join()
            .expect_err("a broken promise");
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default()
    }

    struct Case;

    impl CredentialCase for Case {
        fn source(&self) -> Arc<dyn CredentialSource> {
            Arc::new(First::default())
        }
    }

    impl HandlerCase for Case {
        fn factory(&self) -> Arc<dyn HandlerFactory> {
            Arc::new(Empty(AtomicU32::new(0)))
        }
    }

    impl ObserverCase for Case {
        fn observer(&self) -> Arc<dyn Observer> {
            Arc::new(Keeper::default())
        }
    }

    impl PolicyCase for Case {
        fn policy(&self) -> Arc<dyn SharePolicy> {
            Arc::new(Random(AtomicU32::new(0)))
        }
    }

    #[test]
    fn a_source_that_mixes_up_users_is_found() {
        let text = failure(|| Box::pin(conformance::nothing_of_a_user_is_sent_for_another(&Case)));
        assert!(text.contains("a secret of"), "{text}");
    }

    #[test]
    fn a_handler_that_does_not_answer_what_it_declares_is_found() {
        let text = failure(|| Box::pin(conformance::a_declared_request_is_answered(&Case)));
        assert!(text.contains("roots/list"), "{text}");
    }

    #[test]
    fn a_factory_whose_name_changes_is_found() {
        let text = failure(|| Box::pin(conformance::a_profile_does_not_change(&Case)));
        assert!(text.contains("assertion"), "{text}");
    }

    #[test]
    fn an_observer_that_keeps_its_pool_open_is_found() {
        let text = failure(|| Box::pin(conformance::an_observer_keeps_no_pool_open(&Case)));
        assert!(text.contains("the sessions are closed"), "{text}");
    }

    #[test]
    fn a_policy_with_two_weights_for_a_share_is_found() {
        let text = failure(|| Box::pin(conformance::a_share_has_one_weight(&Case)));
        assert!(text.contains("two weights"), "{text}");
    }
}
