//! The key material of a fleet.

use std::{collections::HashMap, fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use mcp_pool_core::extend::{
    FleetKey, FleetMark, ParkedSession, SealError, SealedSession, SessionSeal,
};

/// The key material of a fleet, the same on every replica. `Debug` shows the ids of its keys alone.
///
/// ```
/// use mcp_pool_core::extend::{ParkedSession, SessionSeal};
/// use mcp_pool_directory::FleetSecret;
/// let secret = FleetSecret::new([1; 32], 1, [2; 32]);
/// let (mine, other) = (secret.key(&[3; 32]), secret.key(&[4; 32]));
/// let sealed = secret.seal(&mine, &ParkedSession::from_bytes(*b"session"))?;
/// assert_eq!(secret.open(&mine, &sealed)?.as_bytes(), b"session");
/// assert!(secret.open(&other, &sealed).is_err());
/// # Ok::<(), mcp_pool_core::extend::SealError>(())
/// ```
#[derive(Clone)]
pub struct FleetSecret(Arc<Keys>);

#[derive(Clone)]
struct Keys {
    naming: hmac::Key,
    /// The id of the key that seals.
    sealing: u32,
    /// The keys that open.
    opening: HashMap<u32, Arc<LessSafeKey>>,
}

impl FleetSecret {
    /// Key material of 32 random bytes each: `naming` names keys and stays as long as the fleet,
    /// `sealing` seals sessions and is known by its id.
    #[must_use]
    pub fn new(naming: [u8; 32], id: u32, sealing: [u8; 32]) -> Self {
        Self(Arc::new(Keys {
            naming: hmac::Key::new(hmac::HMAC_SHA256, &naming),
            sealing: id,
            opening: HashMap::from([(id, key(&sealing))]),
        }))
    }

    /// Opens what was sealed under another key as well: one from before a rotation, or the next one. The
    /// key that seals keeps its id.
    #[must_use]
    pub fn with_former(self, id: u32, sealing: [u8; 32]) -> Self {
        let mut keys = Arc::unwrap_or_clone(self.0);
        keys.opening.entry(id).or_insert_with(|| key(&sealing));
        Self(Arc::new(keys))
    }

    fn name(&self, domain: &str, digest: &[u8; 32]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0.naming);
        context.update(domain.as_bytes());
        context.update(digest);
        let mut name = [0; 32];
        name.copy_from_slice(context.sign().as_ref());
        name
    }
}

impl SessionSeal for FleetSecret {
    fn key(&self, digest: &[u8; 32]) -> FleetKey {
        FleetKey::from_bytes(self.name("key", digest))
    }

    fn mark(&self, digest: &[u8; 32]) -> FleetMark {
        FleetMark::from_bytes(self.name("mark", digest))
    }

    fn seal(&self, key: &FleetKey, session: &ParkedSession) -> Result<SealedSession, SealError> {
        let id = self.0.sealing;
        let sealing = self.0.opening.get(&id).ok_or(SealError::UnknownKey)?;
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = header(id).to_vec();
        sealed.extend_from_slice(&nonce);
        let mut text = session.as_bytes().to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        sealing
            .seal_in_place_append_tag(nonce, associated(id, key), &mut text)
            .map_err(|_| SealError::UnknownKey)?;
        sealed.append(&mut text);
        Ok(SealedSession::from_bytes(sealed))
    }

    fn open(&self, key: &FleetKey, sealed: &SealedSession) -> Result<ParkedSession, SealError> {
        let (schema, rest) = sealed.as_bytes().split_first().ok_or(SealError::Schema)?;
        if *schema != SCHEMA {
            return Err(SealError::Schema);
        }
        let (id, rest) = rest.split_first_chunk().ok_or(SealError::Forged)?;
        let (nonce, text) = rest.split_first_chunk().ok_or(SealError::Forged)?;
        let id = u32::from_be_bytes(*id);
        let opening = self.0.opening.get(&id).ok_or(SealError::UnknownKey)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut text = text.to_vec();
        let opened = opening
            .open_in_place(nonce, associated(id, key), &mut text)
            .map_err(|_| SealError::Forged)?;
        Ok(ParkedSession::from_bytes(&*opened))
    }
}

impl fmt::Debug for FleetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut opening: Vec<_> = self.0.opening.keys().collect();
        opening.sort();
        f.debug_struct("FleetSecret")
            .field("sealing", &self.0.sealing)
            .field("opening", &opening)
            .finish_non_exhaustive()
    }
}

fn key(bytes: &[u8; 32]) -> Arc<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 takes every key of 32 bytes");
    Arc::new(LessSafeKey::new(key))
}

/// The schema and the id of the key, in front of the nonce.
fn header(id: u32) -> [u8; 5] {
    let [a, b, c, d] = id.to_be_bytes();
    [SCHEMA, a, b, c, d]
}

/// What a sealed session is bound to.
fn associated(id: u32, key: &FleetKey) -> Aad<[u8; 37]> {
    let mut bytes = [0; 37];
    bytes[..5].copy_from_slice(&header(id));
    bytes[5..].copy_from_slice(key.as_bytes());
    Aad::from(bytes)
}

/// The schema of sealed sessions.
const SCHEMA: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    const NAMING: [u8; 32] = [7; 32];

    fn secret(id: u32) -> FleetSecret {
        FleetSecret::new(NAMING, id, [u8::try_from(id).unwrap(); 32])
    }

    fn session() -> ParkedSession {
        ParkedSession::from_bytes(*b"session-id of a server")
    }

    #[test]
    fn a_sealed_session_opens_on_every_replica_under_its_own_key_alone() {
        let (here, there) = (secret(1), secret(1));
        let (key, other) = (here.key(&[1; 32]), here.key(&[2; 32]));
        assert_eq!(key, there.key(&[1; 32]));
        let sealed = here.seal(&key, &session()).unwrap();
        assert_eq!(there.open(&key, &sealed).unwrap(), session());
        assert_eq!(there.open(&other, &sealed), Err(SealError::Forged));
    }

    #[test]
    fn a_sealed_session_shows_nothing_and_differs_each_time() {
        let secret = secret(1);
        let key = secret.key(&[1; 32]);
        let sealed = [0; 2].map(|_| secret.seal(&key, &session()).unwrap());
        assert!(sealed[0] != sealed[1]);
        for sealed in sealed {
            let text = sealed.as_bytes();
            assert!(!text.windows(7).any(|part| part == b"session"));
        }
    }

    #[test]
    fn a_change_of_any_bit_is_found() {
        let secret = secret(1);
        let key = secret.key(&[1; 32]);
        let sealed = secret.seal(&key, &session()).unwrap();
        for place in 0..sealed.as_bytes().len() {
            for bit in 0..8 {
                let mut bytes = sealed.as_bytes().to_vec();
                bytes[place] ^= 1 << bit;
                let changed = SealedSession::from_bytes(bytes);
                assert!(secret.open(&key, &changed).is_err(), "{place} {bit}");
            }
        }
        for length in 0..sealed.as_bytes().len() {
            let cut = SealedSession::from_bytes(&sealed.as_bytes()[..length]);
            assert!(secret.open(&key, &cut).is_err(), "{length}");
        }
    }

    #[test]
    fn a_rotation_opens_what_was_sealed_before_it() {
        let (old, next) = (secret(1), secret(2));
        let key = old.key(&[1; 32]);
        let sealed = old.seal(&key, &session()).unwrap();
        assert_eq!(next.open(&key, &sealed), Err(SealError::UnknownKey));
        let next = next.with_former(1, [1; 32]);
        assert_eq!(next.key(&[1; 32]), key);
        assert_eq!(next.open(&key, &sealed).unwrap(), session());
        let sealed = next.seal(&key, &session()).unwrap();
        assert_eq!(old.open(&key, &sealed), Err(SealError::UnknownKey));
        let old = old.with_former(2, [2; 32]);
        assert_eq!(old.open(&key, &sealed).unwrap(), session());
        // The key that seals is not replaced by a former one of its id.
        let kept = old.with_former(1, [9; 32]);
        let sealed = kept.seal(&key, &session()).unwrap();
        assert_eq!(secret(1).open(&key, &sealed).unwrap(), session());
    }

    #[test]
    fn keys_marks_and_fleets_have_names_of_their_own() {
        let secret = secret(1);
        let other = FleetSecret::new([8; 32], 1, [1; 32]);
        let digest = [1; 32];
        assert_ne!(
            secret.key(&digest).as_bytes(),
            secret.mark(&digest).as_bytes()
        );
        assert_ne!(secret.key(&digest), other.key(&digest));
        assert_ne!(secret.mark(&digest), other.mark(&digest));
    }

    #[test]
    fn the_key_material_is_not_shown() {
        let shown = format!("{:?}", secret(1).with_former(2, [2; 32]));
        assert_eq!(shown, "FleetSecret { sealing: 1, opening: [1, 2], .. }");
    }
}
