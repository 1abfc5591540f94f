//! Watched files on a real file system: whatever stands on the way can be replaced. Events are there when the call
//! that causes them returns, so nothing waits.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic fails the test, as it should")]

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kernel::file_watch::{Content, FileWatch, read_beginning};

/// A directory of one test, and a watch on `path` in it as file 7.
struct Ground {
    folder: PathBuf,
    path: PathBuf,
    watch: FileWatch,
}

impl Ground {
    fn new(name: &str, path: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("files-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(path);
        Self { folder, path, watch: FileWatch::open().unwrap() }
    }

    fn follow(&mut self) {
        self.watch.follow(7, &self.path).unwrap();
        self.watch.changed();
        self.watch.follow(7, &self.path).unwrap();
    }

    /// What the change made anew says; then it is followed on.
    #[track_caller]
    fn expect_news(&mut self, content: Option<&str>) {
        assert_eq!(self.watch.changed(), BTreeSet::from([7]));
        self.watch.follow(7, &self.path).unwrap();
        let expected = content.map_or(Content::Nothing, |text| Content::Bytes(text.into()));
        assert_eq!(read_beginning(&self.path, 128).unwrap(), expected);
    }

    #[track_caller]
    fn expect_no_news(&mut self) {
        assert_eq!(self.watch.changed(), BTreeSet::new());
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_file_is_news_when_its_writer_closes_it() {
    let mut ground = Ground::new("close", "f");
    fs::write(&ground.path, "1").unwrap();
    ground.follow();
    let mut file = OpenOptions::new().write(true).truncate(true).open(&ground.path).unwrap();
    file.write_all(b"2").unwrap();
    ground.expect_no_news();
    drop(file);
    ground.expect_news(Some("2"));
    fs::read(&ground.path).unwrap();
    ground.expect_no_news();
}

#[test]
fn a_file_that_is_replaced_is_followed() {
    let mut ground = Ground::new("rename", "f");
    fs::write(&ground.path, "1").unwrap();
    ground.follow();
    for text in ["2", "3"] {
        fs::write(ground.file("new"), text).unwrap();
        ground.expect_no_news();
        fs::rename(ground.file("new"), &ground.path).unwrap();
        ground.expect_news(Some(text));
    }
    fs::write(&ground.path, "4").unwrap();
    ground.expect_news(Some("4"));
    fs::remove_file(&ground.path).unwrap();
    ground.expect_news(None);
    fs::write(&ground.path, "5").unwrap();
    ground.expect_news(Some("5"));
}

#[test]
fn other_names_beside_it_are_no_news() {
    let mut ground = Ground::new("beside", "f");
    fs::write(&ground.path, "1").unwrap();
    ground.follow();
    fs::write(ground.file("g"), "1").unwrap();
    fs::remove_file(ground.file("g")).unwrap();
    ground.expect_no_news();
}

#[test]
fn directories_may_come_go_and_come_back() {
    let mut ground = Ground::new("directories", "a/b/f");
    ground.follow();
    fs::create_dir(ground.file("a")).unwrap();
    ground.expect_news(None);
    fs::create_dir(ground.file("a/b")).unwrap();
    ground.expect_news(None);
    fs::write(&ground.path, "1").unwrap();
    ground.expect_news(Some("1"));
    fs::rename(ground.file("a"), ground.file("away")).unwrap();
    ground.expect_news(None);
    fs::write(ground.file("away/b/f"), "2").unwrap();
    ground.expect_no_news();
    fs::rename(ground.file("away"), ground.file("a")).unwrap();
    ground.expect_news(Some("2"));
    fs::remove_dir_all(ground.file("a")).unwrap();
    ground.expect_news(None);
}

#[test]
fn symbolic_links_are_followed_wherever_they_lead() {
    // As Kubernetes lays a ConfigMap out: the link in the middle is replaced.
    let mut ground = Ground::new("links", "f");
    for (folder, text) in [("one", "1"), ("two", "2")] {
        fs::create_dir(ground.file(folder)).unwrap();
        fs::write(ground.file(folder).join("f"), text).unwrap();
    }
    symlink("one", ground.file("data")).unwrap();
    symlink("data/f", &ground.path).unwrap();
    ground.follow();
    fs::write(ground.file("one/f"), "3").unwrap();
    ground.expect_news(Some("3"));
    symlink("two", ground.file("next")).unwrap();
    fs::rename(ground.file("next"), ground.file("data")).unwrap();
    ground.expect_news(Some("2"));
    fs::write(ground.file("one/f"), "4").unwrap();
    ground.expect_no_news();
    // Upwards, and absolute.
    fs::remove_file(&ground.path).unwrap();
    symlink(Path::new("two/../one/f"), &ground.path).unwrap();
    ground.expect_news(Some("4"));
    fs::remove_file(&ground.path).unwrap();
    symlink(ground.file("two/f"), &ground.path).unwrap();
    ground.expect_news(Some("2"));
    // In a circle.
    fs::remove_file(&ground.path).unwrap();
    symlink("f", &ground.path).unwrap();
    ground.expect_news(None);
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    let ground = Ground::new("kinds", "f");
    let path = ground.file("pipe");
    let status = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(status.success());
    assert_eq!(read_beginning(&path, 128).unwrap(), Content::Other);
    assert_eq!(read_beginning(&ground.folder, 128).unwrap(), Content::Other);
    assert_eq!(read_beginning(Path::new("/dev/zero"), 128).unwrap(), Content::Other);
    let link = ground.file("link");
    symlink("/dev/zero", &link).unwrap();
    assert_eq!(read_beginning(&link, 128).unwrap(), Content::Other);
}

#[test]
fn a_huge_file_is_read_at_its_beginning_only() {
    let ground = Ground::new("huge", "f");
    File::create(&ground.path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(read_beginning(&ground.path, 128).unwrap(), Content::Bytes(vec![0; 128]));
}

#[test]
fn a_directory_in_the_place_of_one_file_is_the_way_to_another() {
    let mut ground = Ground::new("shared", "d/f");
    fs::create_dir(ground.file("d")).unwrap();
    ground.follow();
    let folder = ground.file("d");
    ground.watch.follow(8, &folder).unwrap();
    fs::write(&ground.path, "1").unwrap();
    ground.expect_news(Some("1"));
}

#[test]
fn a_file_that_is_forgotten_is_no_news() {
    let mut ground = Ground::new("forget", "f");
    fs::write(&ground.path, "1").unwrap();
    ground.follow();
    let other = ground.path.clone();
    ground.watch.follow(8, &other).unwrap();
    ground.watch.forget(7);
    fs::write(&ground.path, "2").unwrap();
    assert_eq!(ground.watch.changed(), BTreeSet::from([8]));
    ground.watch.forget(8);
    fs::write(&ground.path, "3").unwrap();
    ground.expect_no_news();
}
