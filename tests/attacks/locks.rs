//! There is only one lock per CA, even while `uninstall --purge` deletes it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use devca::disk::files::Files;

use crate::common::{Home, words};
use crate::people::{RACES, assert_never};

/// Whether a process waits for a lock on this file, according to `/proc/locks`.
fn is_awaited(inode: u64) -> bool {
    let locks = fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&format!(":{inode} ")))
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[test]
fn who_waits_for_a_lock_that_is_removed_waits_for_the_next() {
    let home = Home::new();
    let lock = home.ca().join("lock");
    let first = Files::default().lock(&lock, &|| ()).unwrap();
    let old = inode(&lock);
    let mut waiting =
        home.devca(["issue", "localhost"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !is_awaited(old) {
        assert!(start.elapsed() < Duration::from_secs(30), "devca does not wait for the lock");
        std::thread::yield_now();
    }
    // Do what a purge does, and then what the next devca process does.
    fs::remove_file(&lock).unwrap();
    let second = Files::default().lock(&lock, &|| ()).unwrap();
    let new = inode(&lock);
    assert_ne!(old, new);
    drop(first);
    while !is_awaited(new) {
        assert!(waiting.try_wait().unwrap().is_none(), "two processes have held the lock of one CA");
        std::thread::yield_now();
    }
    assert!(!home.root().exists());
    drop(second);
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success() && home.root().exists(), "{}", words(&output));
}

/// A process that holds the lock may delete its file at the end, as a purge does.
#[test]
fn never_do_two_hold_the_lock_while_it_is_removed() {
    const THREADS: usize = 8;
    let home = Home::new();
    let lock = home.ca().join("lock");
    let (holders, doubled, removed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (lock, holders, doubled, removed) = (&lock, &holders, &doubled, &removed);
            scope.spawn(move || {
                for race in 0..RACES / THREADS {
                    let held = Files::default().lock(lock, &|| ()).unwrap();
                    doubled.fetch_add(holders.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                    std::thread::yield_now();
                    holders.fetch_sub(1, Ordering::SeqCst);
                    if (race + thread) % 3 == 0 {
                        fs::remove_file(lock).unwrap();
                        removed.fetch_add(1, Ordering::SeqCst);
                    }
                    drop(held);
                }
            });
        }
    });
    eprintln!("the lock was removed {} times", removed.load(Ordering::SeqCst));
    let doubled = doubled.load(Ordering::SeqCst);
    let successes = if doubled == 0 { Vec::new() } else { vec![format!("{doubled} times")] };
    assert_never("two holders of one lock", RACES, &successes);
}

#[test]
fn a_purge_does_not_break_other_cas() {
    for _ in 0..10 {
        let home = Home::new();
        home.ok(["issue", "localhost"]);
        // The folder is kept because of a file that is not devca's.
        fs::write(home.ca().join("note"), "mine").unwrap();
        let start =
            |words: &[&str]| home.devca(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let names: Vec<String> = (0..6).map(|index| format!("c{index}.test")).collect();
        let purges: Vec<_> = (0..3).map(|_| start(&["uninstall", "--purge", "--store", "wsl"])).collect();
        let issues: Vec<_> = names.iter().map(|name| start(&["issue", name])).collect();
        for child in issues {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", words(&output));
        }
        for child in purges {
            let output = child.wait_with_output().unwrap();
            let said = words(&output);
            assert!(output.status.success() || said.contains("no root in "), "{said}");
        }
        assert!(home.ca().join("note").exists());
        assert!(home.devca(["issue", "last.test"]).output().unwrap().status.success());
    }
}
