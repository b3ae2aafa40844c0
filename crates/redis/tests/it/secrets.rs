//! Neither the server nor an error learns a secret.

use std::time::Duration;

use mcp_pool_core::extend::{DirectoryError, ReplicaId, SessionDirectory};
use mcp_pool_redis::RedisDirectory;

const SECRET: &str = "s3cret-password";

#[tokio::test]
async fn neither_debug_nor_an_error_shows_the_password_of_a_url() {
    let url = format!("redis://user:{SECRET}@127.0.0.1:1/0");
    let directory = RedisDirectory::new(&url).expect("a valid URL");
    let lease = Duration::from_secs(1);
    let error = directory.beat(&ReplicaId::random(), lease, None).await;
    let error = error.expect_err("no server");
    assert!(matches!(error, DirectoryError::Unreachable(_)), "{error:?}");
    let mut all = vec![format!("{directory:?}"), format!("{error:?} {error}")];
    for wrong in [
        "http://",
        "redis+other://",
        "redis+sentinel://",
        "no scheme ",
    ] {
        let wrong = RedisDirectory::new(&format!("{wrong}user:{SECRET}@host/"));
        let wrong = wrong.expect_err("no URL of a server");
        all.push(format!("{wrong:?} {wrong}"));
    }
    for kind in ["sentinel", "cluster"] {
        let url = format!("redis+{kind}://user:{SECRET}@127.0.0.1:1,127.0.0.1:2/service");
        let directory = RedisDirectory::new(&url).expect("a valid URL");
        let error = directory.beat(&ReplicaId::random(), lease, None).await;
        let error = error.expect_err("no server");
        all.push(format!("{directory:?} {error:?} {error}"));
    }
    for shown in all {
        assert!(
            !shown.contains(SECRET) && !shown.contains("user"),
            "{shown}"
        );
    }
}
