//! Which scopes are requested. Pure.

/// What the choice of scopes depends on.
#[derive(Default)]
pub(crate) struct ScopeChoice<'a> {
    /// Those of the configuration, which are always requested.
    pub(crate) configured: &'a [String],
    /// Those that the challenge names, which are what the operation needs.
    pub(crate) challenged: &'a [String],
    /// Those of the token that lacks one.
    pub(crate) held: &'a [String],
    /// Those that the resource lists.
    pub(crate) of_resource: &'a [String],
    /// Those that the authorization server lists.
    pub(crate) of_server: &'a [String],
    /// Whether a refresh token is wanted.
    pub(crate) wants_refresh: bool,
}

impl ScopeChoice<'_> {
    /// The scopes to request. None: the server chooses (revision 2026-07-28, authorization, scope
    /// selection).
    pub(crate) fn choose(&self) -> Vec<String> {
        let named = [self.held, self.configured, self.challenged];
        let mut scopes = union(&named);
        if scopes.is_empty() {
            scopes = union(&[self.of_resource]);
        }
        let lists_offline = self.of_server.iter().any(|scope| scope == OFFLINE);
        let has_offline = scopes.iter().any(|scope| scope == OFFLINE);
        if self.wants_refresh && lists_offline && !has_offline && !scopes.is_empty() {
            scopes.push(OFFLINE.to_owned());
        }
        scopes
    }
}

/// All scopes once, in their order. Most come from servers: what is none is left out, and so are those
/// beyond a bound.
fn union(lists: &[&[String]]) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for scope in lists.iter().copied().flatten() {
        if scopes.len() < MAX_SCOPES && is_scope(scope) && !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    scopes
}

/// Whether a text is a scope (RFC 6749 section 3.3).
fn is_scope(text: &str) -> bool {
    let is_part = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_part)
}

const OFFLINE: &str = "offline_access";

/// The address for the user has all of them.
const MAX_SCOPES: usize = 64;
const MAX_LENGTH: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn list(scopes: &str) -> Vec<String> {
        scopes.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_challenge_comes_before_what_the_resource_lists() {
        for (held, configured, challenged, of_resource, expected) in [
            ("", "", "", "", ""),
            ("", "", "", "read write", "read write"),
            ("", "", "read", "read write", "read"),
            ("", "base", "read", "read write", "base read"),
            ("", "base", "", "read write", "base"),
            ("read", "", "write read", "all", "read write"),
        ] {
            let choice = ScopeChoice {
                configured: &list(configured),
                challenged: &list(challenged),
                held: &list(held),
                of_resource: &list(of_resource),
                ..ScopeChoice::default()
            };
            assert_eq!(choice.choose(), list(expected), "{held} {challenged}");
        }
    }

    #[test]
    fn what_is_no_scope_is_left_out_and_so_are_those_beyond_the_bound() {
        let mut of_resource = list("read say\u{22} back\\slash \u{e4} write");
        of_resource.push("x".repeat(MAX_LENGTH + 1));
        of_resource.extend((0..MAX_SCOPES).map(|number| number.to_string()));
        let choice = ScopeChoice {
            of_resource: &of_resource,
            ..ScopeChoice::default()
        };
        let chosen = choice.choose();
        assert_eq!(chosen[..3], list("read write 0"));
        assert_eq!(chosen.len(), MAX_SCOPES);
    }

    #[test]
    fn offline_access_is_requested_where_the_server_lists_it_alone() {
        for (of_server, wants_refresh, expected) in [
            ("read offline_access", true, "read offline_access"),
            ("read", true, "read"),
            ("read offline_access", false, "read"),
        ] {
            let choice = ScopeChoice {
                challenged: &list("read"),
                of_server: &list(of_server),
                wants_refresh,
                ..ScopeChoice::default()
            };
            assert_eq!(choice.choose(), list(expected), "{of_server}");
        }
    }
}
