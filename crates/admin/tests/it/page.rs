//! The document.

use http::header;
use mcp_pool_core::PoolConfig;

use crate::setup::Setup;

#[tokio::test(start_paused = true)]
async fn the_page_is_one_document_that_loads_nothing_from_elsewhere() {
    let setup = Setup::new(PoolConfig::default());
    let page = setup.get("/pool").await;
    assert!(page.header(header::CONTENT_TYPE).starts_with("text/html"));
    for elsewhere in [
        "src=",
        "@import",
        "url(",
        "http://localhost",
        "https://",
        "//cdn",
    ] {
        assert!(!page.text.contains(elsewhere), "{elsewhere}");
    }
    for marker in [
        "/*style*/",
        "/*script*/",
        "innerHTML",
        " style=",
        " onclick=",
    ] {
        assert!(!page.text.contains(marker), "{marker}");
    }
    for landmark in [
        "<header>",
        "<main>",
        "<footer>",
        "<nav ",
        "lang=\"en\"",
        "role=\"status\"",
    ] {
        assert!(page.text.contains(landmark), "{landmark}");
    }
}
