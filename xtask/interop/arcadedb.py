"""ArcadeDB, a server in Java, run by the Java of its package: arcadedb.py PORT"""

import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

port = sys.argv[1]
root = Path(sys.prefix) / f"server-{port}"
# A server that was killed leaves its files locked.
shutil.rmtree(root, ignore_errors=True)
(root / "config").mkdir(parents=True)
settings = {"enabled": True, "allowReads": True, "allowedUsers": ["root"]}
(root / "config" / "mcp-config.json").write_text(json.dumps(settings))

package = Path(find_spec("arcadedb_embedded").submodule_search_locations[0])
properties = {
    "server.rootPath": root,
    "server.rootPassword": "interop-password",
    "server.httpIncomingHost": "127.0.0.1",
    "server.httpIncomingPort": port,
}
java = str(package / "jre/bin/java")
words = [f"-Darcadedb.{name}={value}" for name, value in properties.items()]
os.chdir(root)
os.execv(java, [java, "-Xmx512m", *words, "-cp", f"{package}/jars/*", "com.arcadedb.server.ArcadeDBServer"])
