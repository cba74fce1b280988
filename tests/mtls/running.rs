//! A running server of the mutual TLS tests.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::World;
use super::common::tool;
use super::servers::{Ready, ServerKind};

/// It is stopped when this is dropped.
pub struct Server {
    child: Child,
    pub port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    pub fn start(kind: &ServerKind, world: &World) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        // For servers that need a port number; this one was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = (kind.command)(world, folder.path(), free);
        // PostgreSQL reports on standard error that it is ready; others print long complaints there.
        let (reader, writer) = std::io::pipe().unwrap();
        let errors = match kind.ready {
            Ready::Says(_) => writer.try_clone().unwrap().into(),
            _ => Stdio::null(),
        };
        let mut child = command.stdin(Stdio::piped()).stdout(writer).stderr(errors).spawn().unwrap();
        // It contains copies of the pipe's end, which would keep the pipe open.
        drop(command);
        let mut lines = BufReader::new(reader).lines();
        let mut spoken = lines.by_ref().map_while(Result::ok);
        let port = match kind.ready {
            Ready::SaysPort => {
                let said = spoken.find_map(|line| {
                    line.strip_prefix("ACCEPT ").and_then(|at| at.rsplit(':').next()?.trim().parse().ok())
                });
                said.unwrap_or_else(|| panic!("{} does not say where it listens", kind.name))
            }
            Ready::Says(words) => {
                assert!(spoken.any(|line| line.contains(words)), "{} has ended", kind.name);
                free
            }
            Ready::Listens => {
                while TcpStream::connect(("127.0.0.1", free)).is_err() {
                    assert!(child.try_wait().unwrap().is_none(), "{} has ended", kind.name);
                    std::thread::yield_now();
                }
                free
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port, _folder: folder }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not with SIGKILL, because PostgreSQL has to stop its children.
        let _ = Command::new(tool("kill")).arg("-TERM").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
