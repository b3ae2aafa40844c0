//! Passes lines to a server in the test, and back.

use std::{
    io::{copy, stdin, stdout},
    net::{Shutdown, TcpStream},
    thread,
};

/// Runs until the server closes the connection. The end of the input is passed on.
pub(crate) fn run(address: &str) {
    let Ok(mut server) = TcpStream::connect(address) else {
        std::process::exit(7);
    };
    let mut writer = server.try_clone().expect("a socket");
    thread::spawn(move || {
        let _ = copy(&mut stdin(), &mut writer);
        let _ = writer.shutdown(Shutdown::Write);
    });
    // Standard output is written line by line.
    let _ = copy(&mut server, &mut stdout());
}
