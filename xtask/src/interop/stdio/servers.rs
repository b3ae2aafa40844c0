//! The servers, and what each user calls.

use serde_json::{Value, json};

use super::super::rows::{EVERYTHING, KUBERNETES, Package, Program, Registry};

/// A server over stdio.
pub(in super::super) struct StdioServer {
    /// The name in the report.
    pub(in super::super) server: &'static str,
    pub(in super::super) package: &'static Package,
    /// The arguments after those of the package. In them `{folder}` stands for a folder of its own, and
    /// `{scripts}` for the folder of its settings.
    pub(super) args: &'static [&'static str],
    /// The variable that gets a file of each user, if the server keeps one.
    pub(super) file_variable: Option<&'static str>,
    /// The calls of a user, in turn.
    pub(super) calls: &'static [Call],
}

/// A call of a tool, and its answer.
pub(super) struct Call {
    pub(super) tool: &'static str,
    pub(super) arguments: fn(&Caller<'_>) -> Value,
    pub(super) is_right: fn(&Caller<'_>, &str) -> bool,
}

/// The user of a call.
pub(super) struct Caller<'a> {
    /// Its name, which no other user's name contains.
    pub(super) name: &'a str,
    pub(super) token: &'a str,
    /// The folder of the server.
    pub(super) folder: &'a str,
}

impl Caller<'_> {
    /// True where a text names this user and no other.
    fn is_alone_in(&self, text: &str) -> bool {
        let mut named = text.split("[user ").skip(1);
        let is_own = |rest: &str| rest.get(..3).is_some_and(|end| self.name.ends_with(end));
        text.contains(self.name) && named.all(is_own)
    }

    fn file(&self) -> String {
        format!("{}/{}.txt", self.folder, self.token)
    }
}

impl StdioServer {
    /// The name for the command line.
    pub(in super::super) fn name(&self) -> String {
        format!("{} stdio users", self.server)
    }
}

pub(in super::super) const SERVERS: &[StdioServer] = &[
    StdioServer {
        server: "server-everything",
        package: &EVERYTHING,
        args: &["stdio"],
        file_variable: None,
        calls: &[
            Call {
                tool: "echo",
                arguments: |caller| json!({ "message": caller.name }),
                is_right: |caller, text| caller.is_alone_in(text),
            },
            Call {
                tool: "get-env",
                arguments: |_| json!({}),
                is_right: |caller, text| {
                    text.contains(&format!("\"API_TOKEN\": \"{}\"", caller.token))
                },
            },
        ],
    },
    StdioServer {
        server: "server-filesystem",
        package: &FILESYSTEM,
        args: &["{folder}"],
        file_variable: None,
        calls: &[
            Call {
                tool: "write_file",
                arguments: |caller| json!({ "path": caller.file(), "content": caller.name }),
                is_right: |caller, text| text.contains(caller.token),
            },
            Call {
                tool: "read_text_file",
                arguments: |caller| json!({ "path": caller.file() }),
                is_right: |caller, text| text == caller.name,
            },
        ],
    },
    StdioServer {
        server: "server-memory",
        package: &MEMORY,
        args: &[],
        file_variable: Some("MEMORY_FILE_PATH"),
        calls: &[
            Call {
                tool: "create_entities",
                arguments: |caller| {
                    let entity = json!({
                        "name": caller.name, "entityType": "user", "observations": [],
                    });
                    json!({ "entities": [entity] })
                },
                // Empty where the entity is there already.
                is_right: |caller, text| text == "[]" || caller.is_alone_in(text),
            },
            Call {
                tool: "read_graph",
                arguments: |_| json!({}),
                is_right: |caller, text| caller.is_alone_in(text),
            },
        ],
    },
    StdioServer {
        server: "mcp-server-time",
        package: &TIME,
        args: &["mcp_server_time"],
        file_variable: None,
        calls: &[Call {
            tool: "convert_time",
            arguments: |_| json!({ "source_timezone": "Etc/UTC", "time": "12:00", "target_timezone": "Asia/Tokyo" }),
            is_right: |_, text| text.contains("21:00:00"),
        }],
    },
    StdioServer {
        server: "mcp-server-fetch",
        package: &FETCH,
        args: &["mcp_server_fetch", "--ignore-robots-txt"],
        file_variable: None,
        calls: &[Call {
            tool: "fetch",
            // Nothing listens there: the server answers with an error of its own.
            arguments: |caller| json!({ "url": format!("http://127.0.0.1:9/{}", caller.token) }),
            is_right: |caller, text| text.contains(caller.token),
        }],
    },
    StdioServer {
        server: "kubernetes",
        package: &KUBERNETES,
        args: &["--kubeconfig", "{scripts}/kubeconfig.yaml"],
        file_variable: None,
        calls: &[Call {
            tool: "pods_get",
            // There is no cluster: the server answers with an error of its own.
            arguments: |caller| json!({ "name": caller.name, "namespace": "default" }),
            is_right: |caller, text| caller.is_alone_in(text),
        }],
    },
];

const FILESYSTEM: Package = Package {
    name: "@modelcontextprotocol/server-filesystem",
    version: "2026.8.31",
    registry: Registry::Npm,
    beside: &[],
    program: Program::File("dist/index.js"),
};
const MEMORY: Package = Package {
    name: "@modelcontextprotocol/server-memory",
    version: "2026.8.31",
    registry: Registry::Npm,
    beside: &[],
    program: Program::File("dist/index.js"),
};
const TIME: Package = Package {
    name: "mcp-server-time",
    version: "2026.10.19",
    registry: Registry::PyPi,
    beside: &[],
    program: Program::File("-m"),
};
const FETCH: Package = Package {
    name: "mcp-server-fetch",
    version: "2026.10.24",
    registry: Registry::PyPi,
    beside: &[],
    program: Program::File("-m"),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_names_another_user_is_found() {
        let caller = Caller {
            name: "[user 03]",
            token: "token-03",
            folder: "",
        };
        assert!(caller.is_alone_in("Echo: [user 03]"));
        assert!(caller.is_alone_in("{\"name\": \"[user 03]\"}"));
        assert!(!caller.is_alone_in("Echo: [user 13]"));
        assert!(!caller.is_alone_in("[user 03] [user 04]"));
        assert!(!caller.is_alone_in("nothing"));
    }
}
