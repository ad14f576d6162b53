use std::sync::{Arc, Mutex};

use super::*;

/// What Django does between the comparison and the last step of a save, and what is there afterwards.
#[cfg(target_os = "linux")]
fn check(django: impl FnOnce(&Path), change: Change, left: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let sessions = Folder::new(folder.path().to_owned(), "sessionid");
    let key = SessionKey::parse("abcdefgh").unwrap();
    let path = sessions.file_of(&key);
    fs::write(&path, "loaded").unwrap();
    let held = File::open(&path).unwrap();
    let beside = sessions.write_beside(&path, "saved").unwrap();
    django(&path);
    assert_eq!(take_place(beside, &path, &held).unwrap(), change);
    assert_eq!(fs::read_to_string(&path).ok().as_deref(), left);
    let files = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, usize::from(left.is_some()), "nothing else stays");
}

#[cfg(target_os = "linux")]
#[test]
fn a_save_is_not_in_the_way_of_django() {
    check(|_| {}, Change::Done, Some("saved"));
    check(|path| fs::remove_file(path).unwrap(), Change::Gone, None);
    let writes = |path: &Path| {
        // As Django writes: another file, renamed.
        let other = path.with_extension("django");
        fs::write(&other, "Django's").unwrap();
        fs::rename(other, path).unwrap();
    };
    check(writes, Change::Other, Some("Django's"));
}

/// Notes each sync: of a file what it holds and which names there are by then, of the folder the names.
#[derive(Debug, Clone, Default)]
struct Witness(Arc<Mutex<Vec<String>>>);

impl Disk for Witness {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        self.0.lock().unwrap().push(format!("a file of {} bytes", file.metadata()?.len()));
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let file = |entry: io::Result<fs::DirEntry>| fs::read_to_string(entry.unwrap().path()).unwrap();
        let files: Vec<String> = fs::read_dir(path)?.map(file).collect();
        self.0.lock().unwrap().push(format!("the folder with {files:?}"));
        Ok(())
    }
}

fn watched() -> (Folder, tempfile::TempDir, Witness) {
    let (folder, witness) = (tempfile::tempdir().unwrap(), Witness::default());
    let mut sessions = Folder::new(folder.path().to_owned(), "sessionid");
    sessions.disk = Box::new(witness.clone());
    (sessions, folder, witness)
}

impl Witness {
    fn saw(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[test]
fn what_was_answered_is_on_the_disk() {
    let (sessions, _folder, witness) = watched();
    let key = SessionKey::parse("abcdefgh").unwrap();
    assert!(sessions.reserve(&key).unwrap());
    sessions.fill(&key, "first").unwrap();
    assert_eq!(witness.saw(), ["a file of 5 bytes", "the folder with [\"first\"]"]);
    assert_eq!(sessions.replace(&key, "second", Some(b"first")).unwrap(), Change::Done);
    assert_eq!(witness.saw()[0], "a file of 6 bytes");
    assert_eq!(sessions.delete(&key, None, Removal::Wanted).unwrap(), Change::Done);
    assert_eq!(witness.saw(), ["the folder with []"]);
}

#[test]
fn a_sweep_does_not_wait_for_the_disk() {
    let (sessions, _folder, witness) = watched();
    let key = SessionKey::parse("abcdefgh").unwrap();
    fs::write(sessions.file_of(&key), "text").unwrap();
    let judged = sessions.read(&key).unwrap().unwrap().modified;
    assert_eq!(sessions.delete(&key, Some(b"text"), Removal::Expired(judged)).unwrap(), Change::Done);
    assert!(witness.saw().is_empty() && !sessions.exists(&key).unwrap());
}

#[test]
fn a_session_that_was_renewed_is_not_swept() {
    let (sessions, _folder, _) = watched();
    let key = SessionKey::parse("abcdefgh").unwrap();
    let path = sessions.file_of(&key);
    fs::write(&path, "text").unwrap();
    let old = SystemTime::now() - Duration::from_secs(3_600);
    File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    let judged = sessions.read(&key).unwrap().unwrap().modified;
    // The same text with a new time: a touch writes no data.
    assert_eq!(sessions.touch(&key, Some(b"text")).unwrap(), Change::Done);
    assert_eq!(sessions.delete(&key, Some(b"text"), Removal::Expired(judged)).unwrap(), Change::Other);
    assert!(sessions.exists(&key).unwrap());
}
