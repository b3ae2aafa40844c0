//! Records that a stranger has written to.

use super::stage::{Caller, Stage};
use crate::{Result, fleet::report::Row};

/// Swaps, flips, cuts and ages the records of conversations, and has another replica go on with them.
/// Counts those that opened.
pub(super) async fn play(stage: &Stage, row: &mut Row) -> Result {
    let (here, there) = (&stage.replicas[0], &stage.replicas[1]);
    for (change, script) in CHANGES {
        stage.redis.run(&["FLUSHALL"])?;
        // The holders from before learn of it with their next beat.
        let talks: Vec<_> = (0..8)
            .map(|number| Caller::talk(format!("record-{change}-{number}")))
            .collect();
        for talk in &talks {
            for _ in 0..3 {
                stage.count(here, talk).await?;
            }
        }
        let changed = stage
            .redis
            .run(&["EVAL", &format!("{LIST}{script}"), "0"])?;
        if changed.parse::<usize>()? < talks.len() {
            return Err(format!("{change}: {changed} records were changed").into());
        }
        for talk in &talks {
            let count = stage.count(there, talk).await?;
            row.records_opened += u64::from(count != 1);
            row.records_changed += 1;
        }
    }
    Ok(())
}

/// Collects the records with a session in `all`.
const LIST: &str = "
local all = {}
for _, key in ipairs(redis.call('KEYS', 'mcp-pool:s:*')) do
  local sealed = redis.call('HGET', key, 'sealed')
  if sealed then table.insert(all, { key = key, sealed = sealed }) end
end
local function put(i, sealed) redis.call('HSET', all[i].key, 'sealed', sealed) end
";

/// What is done to every record.
const CHANGES: [(&str, &str); 6] = [
    (
        "swapped",
        "for i = 1, #all do put(i, all[i % #all + 1].sealed) end return #all",
    ),
    (
        "flipped",
        "for i = 1, #all do
           local s = all[i].sealed
           local at = 6 + (i * 37) % (#s - 6)
           local byte = string.char(bit.bxor(string.byte(s, at), 2 ^ (i % 8)))
           put(i, string.sub(s, 1, at - 1) .. byte .. string.sub(s, at + 1))
         end return #all",
    ),
    (
        "schema",
        "for i = 1, #all do put(i, '\\2' .. string.sub(all[i].sealed, 2)) end return #all",
    ),
    (
        "key-id",
        "for i = 1, #all do
           local s = all[i].sealed
           put(i, string.sub(s, 1, 4) .. '\\7' .. string.sub(s, 6))
         end return #all",
    ),
    (
        "cut",
        "for i = 1, #all do put(i, string.sub(all[i].sealed, 1, -2 * i)) end return #all",
    ),
    ("empty", "for i = 1, #all do put(i, '') end return #all"),
];
