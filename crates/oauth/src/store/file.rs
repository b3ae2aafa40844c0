//! A store of encrypted files.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use tokio::{task::spawn_blocking, time::Instant};

use super::{
    credential_store::{CredentialStore, Record, RecordName, StoreError},
    head::{HEAD_LEN, Head},
};

/// Keeps each record in a file of its own, encrypted with AES-256-GCM and bound to its name: a file that
/// is changed, or put in the place of another, is refused. The files are readable by their owner alone
/// where the system has permissions.
///
/// ```
/// use mcp_pool_oauth::FileStore;
/// let folder = std::env::temp_dir().join("mcp-pool-oauth-example");
/// let store = FileStore::new(folder, [7; 32])?;
/// # Ok::<(), mcp_pool_oauth::StoreError>(())
/// ```
#[derive(Clone)]
pub struct FileStore {
    folder: Arc<Path>,
    key: Arc<LessSafeKey>,
    /// When files whose record has ended are removed again.
    sweep_at: Arc<Mutex<Option<Instant>>>,
}

impl FileStore {
    /// A store in this folder, which is created where it is missing. The key is 32 random bytes, kept
    /// elsewhere than the folder.
    ///
    /// # Errors
    /// [`StoreError`]: the folder cannot be created.
    ///
    /// # Panics
    /// Never: AES-256 takes every key of 32 bytes.
    pub fn new(folder: impl Into<PathBuf>, key: [u8; 32]) -> Result<Self, StoreError> {
        let folder: PathBuf = folder.into();
        fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let key = UnboundKey::new(&AES_256_GCM, &key).expect("AES-256 takes every key of 32 bytes");
        Ok(Self {
            folder: folder.into(),
            key: Arc::new(LessSafeKey::new(key)),
            sweep_at: Arc::default(),
        })
    }

    fn path(&self, name: &RecordName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// Removes the files whose record has ended, once in a while. What cannot be read stays.
    fn sweep(&self) {
        let mut sweep_at = self.sweep_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if sweep_at.is_some_and(|at| now < at) {
            return;
        }
        *sweep_at = Some(now + SWEEP_PAUSE);
        drop(sweep_at);
        for file in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if has_ended(&file.path(), SystemTime::now()) {
                let _ = fs::remove_file(file.path());
            }
        }
    }

    fn seal(&self, name: &RecordName, record: &Record) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let head = Head::of(record).write();
        let mut text = record.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from([&head, name.as_str().as_bytes()].concat()),
                &mut text,
            )
            .map_err(|_| StoreError::new("a record is too large"))?;
        Ok([&head[..], &nonce, &text].concat())
    }

    fn open(&self, name: &RecordName, sealed: &[u8]) -> Result<Record, StoreError> {
        let forged = || StoreError::new("a file is not one of this store and key");
        let (head, rest) = sealed.split_first_chunk().ok_or_else(forged)?;
        let (nonce, text) = rest.split_first_chunk().ok_or_else(forged)?;
        let ends_at = Head::read(head).ok_or_else(forged)?.ends_at();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let name = Aad::from([&head[..], name.as_str().as_bytes()].concat());
        let mut text = text.to_vec();
        let opened = self.key.open_in_place(nonce, name, &mut text);
        let opened = opened.map_err(|_| forged())?;
        Ok(Record::from_bytes(&*opened).ending_at(ends_at))
    }
}

#[async_trait]
impl CredentialStore for FileStore {
    async fn load(&self, name: &RecordName) -> Result<Option<Record>, StoreError> {
        let (store, name) = (self.clone(), name.clone());
        blocking(move || match fs::read(store.path(&name)) {
            Ok(sealed) => store.open(&name, &sealed).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error)),
        })
        .await
    }

    async fn save(&self, name: &RecordName, record: &Record) -> Result<(), StoreError> {
        let sealed = self.seal(name, record)?;
        let (store, path) = (self.clone(), self.path(name));
        blocking(move || {
            store.sweep();
            write(&path, &sealed).map_err(|error| failed(&error))
        })
        .await
    }

    async fn remove(&self, name: &RecordName) -> Result<(), StoreError> {
        let path = self.path(name);
        blocking(move || match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&error)),
            _ => Ok(()),
        })
        .await
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Whether the record in a file has ended.
fn has_ended(path: &Path, now: SystemTime) -> bool {
    let mut head = [0; HEAD_LEN];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let head = read.ok().and_then(|()| Head::read(&head));
    let ends_at = head.and_then(|head| head.ends_at());
    ends_at.is_some_and(|at| at <= now)
}

/// Writes a file beside its place and moves it there, so that a reader sees the old or the new one.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("{:016x}", rand::random::<u64>()));
    let written = create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        let _ = fs::remove_file(&beside);
    }
    moved
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(StoreError::new("the runtime ends")))
}

fn failed(error: &io::Error) -> StoreError {
    StoreError::new(error.kind().to_string())
}

const SWEEP_PAUSE: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is removed with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("mcp-pool-oauth-{:016x}", rand::random::<u64>());
            Self(std::env::temp_dir().join(name))
        }

        fn store(&self, key: u8) -> FileStore {
            FileStore::new(&self.0, [key; 32]).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn name(of: &str) -> RecordName {
        RecordName::new("test", &of)
    }

    fn record() -> Record {
        Record::from_bytes(*b"a token")
    }

    #[tokio::test]
    async fn a_record_outlives_its_store_and_goes_when_it_is_removed() {
        let folder = Folder::new();
        let name = name("alice");
        assert_eq!(folder.store(1).load(&name).await, Ok(None));
        folder.store(1).save(&name, &record()).await.unwrap();
        let later = Record::from_bytes(*b"a later token");
        folder.store(1).save(&name, &later).await.unwrap();
        assert_eq!(folder.store(1).load(&name).await, Ok(Some(later)));
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
        for _ in 0..2 {
            folder.store(1).remove(&name).await.unwrap();
            assert_eq!(folder.store(1).load(&name).await, Ok(None));
        }
    }

    #[tokio::test]
    async fn files_whose_record_has_ended_are_removed_in_time() {
        let folder = Folder::new();
        let ended = record().ending_at(Some(SystemTime::UNIX_EPOCH));
        let later = record().ending_at(Some(SystemTime::now() + SWEEP_PAUSE));
        let store = folder.store(1);
        store.save(&name("ended"), &ended).await.unwrap();
        store.save(&name("later"), &later).await.unwrap();
        fs::write(folder.0.join("foreign"), b"1").unwrap();
        let next = folder.store(1);
        next.save(&name("alice"), &record()).await.unwrap();
        assert_eq!(next.load(&name("ended")).await, Ok(None));
        let kept = next.load(&name("later")).await.unwrap().unwrap();
        assert!(kept.ends_at().is_some());
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 3);
    }

    #[tokio::test]
    async fn a_file_shows_nothing_and_is_its_owners() {
        let folder = Folder::new();
        let store = folder.store(1);
        store.save(&name("alice"), &record()).await.unwrap();
        let path = store.path(&name("alice"));
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(5).any(|part| part == b"token"));
        assert!(!path.display().to_string().contains("alice"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_file_that_was_changed_moved_or_cut_is_refused() {
        let folder = Folder::new();
        let store = folder.store(1);
        store.save(&name("alice"), &record()).await.unwrap();
        let sealed = fs::read(store.path(&name("alice"))).unwrap();
        fs::write(store.path(&name("bob")), &sealed).unwrap();
        store.load(&name("bob")).await.expect_err("it is Alice's");
        let other = folder.store(2).load(&name("alice")).await;
        other.expect_err("it has another key");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(store.open(&name("alice"), &changed).is_err(), "{place}");
            assert!(store.open(&name("alice"), &sealed[..place]).is_err());
        }
    }
}
