//! Compressed responses that were not requested.

use std::io::Write;

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use mcp_pool_testkit::{RawRequest, RawServer, Reply};
use mcp_session_pool::{
    PoolConfig,
    config::Lifecycle,
    error::{FaultKind, Outcome},
};

use crate::setup::{call, client, close, pool};

/// Compresses a text in one coding.
type Compress = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(&str, Compress); 3] = [("gzip", gzip), ("deflate", deflate), ("br", brotli)];

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn brotli(text: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    encoder.write_all(text).expect("memory");
    encoder.into_inner()
}

fn compressed(content_type: &str, coding: &str, body: &[u8]) -> Reply {
    let head = format!(
        "HTTP/1.1 200 X\r\ncontent-type: {content_type}\r\ncontent-encoding: {coding}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    Reply::bytes([head.as_bytes(), body].concat())
}

/// The answer of a call as text.
fn answer(request: &RawRequest, text: &str) -> String {
    let id = &request.message["id"];
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":"{text}"}}],"resultType":"complete"}}}}"#
    )
}

#[tokio::test]
async fn a_compressed_answer_is_read_as_a_body_and_as_a_stream_and_none_is_requested() {
    for (coding, compress) in CODINGS {
        for lifecycle in [Lifecycle::Legacy, Lifecycle::Stateless] {
            let server = RawServer::start(move |request| match request.tool() {
                "body" => {
                    let text = answer(request, "7");
                    compressed("application/json", coding, &compress(text.as_bytes()))
                }
                "stream" => {
                    let text = format!(": x\n\ndata: {}\n\n", answer(request, "8"));
                    compressed("text/event-stream", coding, &compress(text.as_bytes()))
                }
                _ if lifecycle == Lifecycle::Stateless => request.stateless_reply(),
                _ => request.plain_reply("session"),
            });
            let pool = pool(PoolConfig::default());
            let alice = client(&pool, server.endpoint(lifecycle), "alice").await;
            assert_eq!(call(&alice, "body").await.expect(coding), "7");
            assert_eq!(call(&alice, "stream").await.expect(coding), "8");
            close(&pool).await;
            for seen in server.seen() {
                assert_eq!(seen.header("accept-encoding"), "identity", "{seen:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_small_body_that_becomes_a_large_one_is_too_large() {
    let limit = 16 * 1024 * 1024;
    for (coding, compress) in CODINGS {
        let bomb = compress(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        let server = RawServer::start(move |request| match request.tool() {
            "bomb" => compressed("application/json", coding, &bomb),
            _ => request.plain_reply("session"),
        });
        let pool = pool(PoolConfig::default());
        let alice = client(&pool, server.endpoint(Lifecycle::Legacy), "alice").await;
        let error = call(&alice, "bomb").await.expect_err("too large");
        let failure = error.failure().expect("a failure");
        assert_eq!(failure.kind(), &FaultKind::TooLarge { limit });
        assert_eq!(error.outcome(), Outcome::Unknown);
        call(&alice, "count").await.expect("the session goes on");
        assert_eq!(server.count("initialize"), 1);
        close(&pool).await;
    }
}
