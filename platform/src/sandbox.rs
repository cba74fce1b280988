//! Runs programs of another file tree, such as a container image, without rights over this machine: the tree
//! may be hostile, but its programs have to run as its root.
//!
//! util-linux does this as root, in two stages:
//!
//! 1. [`PREPARE`] runs in separate mount, PID, network, IPC and UTS namespaces. It sets up what the program
//!    will see: the tree, in which device files do not work, harmless devices, and a read-only /proc that only
//!    shows processes. Anything mounted inside the tree is left out, because that is often /proc, /sys or /dev
//!    of this machine.
//! 2. [`ENTER`] runs in a user namespace in which root is the owner of the tree, and so has no capabilities
//!    outside of it. The tree becomes `/`, further user namespaces are forbidden, and the program starts with
//!    only the capabilities needed to change files.
//!
//! Both stages use this machine's programs. By the time the first program of the tree starts, all other
//! rights have been given up.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::step::{Action, Step};
use crate::{Host, Problem};

/// `$0` is the tree, `$1` its device, inode, owner and group as devca saw them, `$2` and `$3` the owner and
/// group, `$4` the second stage, and the rest the program. In the meantime the path may lead to a different
/// folder with a different owner. /sys exists everywhere and hides nothing that is needed here.
///
/// Replacing `dev` or `proc` with a link at the wrong moment redirects a mount to another place in this mount
/// namespace, which ends with the program.
const PREPARE: &str = r#"PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH
trap "exit 125" EXIT
mount -t tmpfs -o mode=755,nosuid,nodev devca /sys
mkdir /sys/tree /sys/dev
mount --bind "$0" /sys/tree
mount -o remount,bind,nosuid,nodev /sys/tree
if [ "$(stat -c %d:%i:%u:%g /sys/tree)" != "$1" ]; then echo "$0 was replaced by another folder" >&2; exit 125; fi
shift
for device in null zero full random urandom; do
  : >"/sys/dev/$device"
  mount --bind "/dev/$device" "/sys/dev/$device"
done
cd /sys/tree
if [ -d dev ] && [ ! -L dev ]; then mount --rbind /sys/dev dev; fi
if [ -d proc ] && [ ! -L proc ]; then mount -t proc -o ro,nosuid,nodev,noexec,subset=pid proc proc; fi
owner=$1 group=$2 enter=$3
shift 3
set -- unshare --user --map-root-user --mount -- /bin/sh -euc "$enter" sh "$@"
if [ "$owner" != 0 ]; then set -- setpriv --reuid "$owner" --regid "$group" --clear-groups -- "$@"; fi
exec "$@""#;

/// `$@` is the program. A terminal on standard input would let it type commands there.
const ENTER: &str = r#"trap "exit 125" EXIT
mount --rbind /sys/tree /sys/tree
cd /sys/tree
mount --move . /
echo 0 >/proc/sys/user/max_user_namespaces
if [ -t 0 ]; then exec </dev/null; fi
exec env -i PATH="$PATH" HOME=/root \
  setpriv --bounding-set -all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+sys_chroot --no-new-privs \
  chroot . "$@""#;

/// For `--trust-sysroot`. `$0` is the tree, `$1` what devca saw of it, as for [`PREPARE`], `$2` chroot(8),
/// and the rest the program.
const CHROOT: &str = r#"PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH
cd "$0"
if [ "$(stat -c %d:%i:%u:%g .)" != "$1" ]; then echo "$0 was replaced by another folder" >&2; exit 125; fi
chroot=$2
shift 2
exec "$chroot" . "$@""#;

/// A sysroot as devca saw it.
struct Tree {
    /// The device, inode, owner and group, in the format of stat(1).
    identity: String,
    /// The owner and group.
    owner: [String; 2],
}

/// The exit code of these scripts if they fail themselves.
const NOT_PREPARED: i32 = 125;

/// The message of these scripts if the path leads to a different folder than before.
const REPLACED: &str = " was replaced by another folder";

/// The namespaces owned by this machine's root, over which the program has no rights.
const NAMESPACES: &[&str] = &["--mount", "--pid", "--fork", "--kill-child", "--net", "--ipc", "--uts", "--"];

impl Host {
    /// The same step with the sysroot as its `/`, if that is not this machine's.
    pub(crate) fn inside(&self, step: Step) -> Result<Step, Problem> {
        let Action::Run { program, arguments } = &step.what else { return Ok(step) };
        if !self.is_elsewhere() {
            return Ok(step);
        }
        let tree = self.sysroot.as_os_str();
        let program = std::iter::once(program.as_os_str()).chain(arguments.iter().map(OsString::as_os_str));
        let tree_seen = self.tree()?;
        let outer = if self.trust_sysroot {
            let chroot = self.needed_by_root("chroot", "coreutils")?;
            let words = ["-euc", CHROOT].map(OsStr::new).into_iter();
            let words = words.chain([tree, tree_seen.identity.as_ref(), chroot.as_os_str()]).chain(program);
            Step::as_root(Path::new("/bin/sh"), words.map(ToOwned::to_owned))
        } else {
            let unshare = self.needed_by_root("unshare", "util-linux")?;
            self.needed_by_root("setpriv", "util-linux")?;
            let [owner, group] = &tree_seen.owner;
            let words = ["/bin/sh", "-euc", PREPARE].map(OsStr::new).into_iter();
            let words =
                words.chain([tree, tree_seen.identity.as_ref()]).chain([owner, group].map(AsRef::as_ref));
            let words = words.chain([OsStr::new(ENTER)]).chain(program);
            let words = NAMESPACES.iter().map(OsStr::new).chain(words);
            Step::as_root(&unshare, words.map(ToOwned::to_owned))
        };
        let (name, input) = (step.name.clone(), step.input.clone());
        Ok(Step { forgiven: step.forgiven, name, input, inside: Some(Box::new(step)), ..outer })
    }

    /// Root inside the tree is the owner of its top folder, so that new files belong to the same user as the
    /// rest.
    #[cfg(unix)]
    fn tree(&self) -> Result<Tree, Problem> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(&self.sysroot).map_err(|e| {
            let why = format!("cannot read {}: {e}", self.sysroot.display());
            Problem::new(why, "check the folder given with --sysroot")
        })?;
        let (user, group) = (metadata.uid(), metadata.gid());
        let identity = format!("{}:{}:{user}:{group}", metadata.dev(), metadata.ino());
        Ok(Tree { identity, owner: [user.to_string(), group.to_string()] })
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self)]
    fn tree(&self) -> Result<Tree, Problem> {
        Err(Problem::new("Linux file trees can only be changed on Linux", "run devca there"))
    }
}

/// Why a program of the tree was not started, from its exit code and last output.
pub(crate) fn refusal(step: &Step, code: Option<i32>, said: &str) -> Option<Problem> {
    let Action::Run { program, .. } = &step.what else { return None };
    if step.inside.is_some() && code == Some(NOT_PREPARED) && said.ends_with(REPLACED) {
        let hint = "find out who replaced it, then run devca again";
        return Some(Problem::new(format!("nothing was run: {said}"), hint));
    }
    let is_sandbox = step.inside.is_some() && program.ends_with("unshare");
    // These tools replace the script, so their failures do not have its exit code.
    let replaced = ["unshare: ", "setpriv: "].iter().any(|tool| said.starts_with(tool));
    if !is_sandbox || !(code == Some(NOT_PREPARED) || replaced) {
        return None;
    }
    Some(Problem::new(
        format!("the programs in this tree cannot be confined to it: {said}"),
        "allow user namespaces, or, if you would run this tree's programs as root, add --trust-sysroot",
    ))
}
