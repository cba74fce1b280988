#!/bin/sh
# Builds devca from this checkout and puts it in place: the program, its manual pages, its completions.
#
#   ./install.sh                  into ~/.local (bin/devca, bin/devca-serve, bin/devca-nss, share/man, share/…/completions)
#   ./install.sh --prefix DIR     into DIR, as in --prefix /usr/local
#   ./install.sh --as-mkcert      also puts it there under the name mkcert, unless there is one (docs/from-mkcert.md)
#   ./install.sh --uninstall      takes the same files away again (with the same --prefix)
#
# It may be run again at any time. It touches no trust store: `devca install` does, when you say so.
set -eu

fail() {
    echo "install.sh: error: $1" >&2
    echo "install.sh: hint: $2" >&2
    exit 1
}

prefix=${HOME:-}/.local
action=install
as_mkcert=
while [ $# -gt 0 ]; do
    case $1 in
        --prefix)
            [ $# -ge 2 ] || fail "--prefix wants a folder" "./install.sh --prefix /usr/local"
            prefix=$2
            shift
            ;;
        --prefix=*) prefix=${1#--prefix=} ;;
        --uninstall) action=uninstall ;;
        --as-mkcert) as_mkcert=1 ;;
        -h | --help)
            sed -n '2,9s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *) fail "$1 is not an option" "./install.sh --help" ;;
    esac
    shift
done
case $prefix in
    /*) ;;
    "") fail "the prefix is empty" "./install.sh --prefix \"\$HOME/.local\"" ;;
    *) prefix=$PWD/$prefix ;;
esac

bash_file=$prefix/share/bash-completion/completions/devca
zsh_file=$prefix/share/zsh/site-functions/_devca
fish_file=$prefix/share/fish/vendor_completions.d/devca.fish
man_folder=$prefix/share/man/man1

if [ "$action" = uninstall ]; then
    if [ -x "$prefix/bin/devca" ]; then "$prefix/bin/devca" --quiet mkcert --unlink || true; fi
    rm -f "$prefix/bin/devca" "$prefix/bin/devca-serve" "$prefix/bin/devca-nss" "$bash_file" "$zsh_file" "$fish_file" "$man_folder/devca.1" "$man_folder"/devca-*.1
    echo "removed devca from $prefix; your root and certificates are still there"
    exit 0
fi

cd "$(dirname "$0")"

# The command that installs a package on this system.
package_command() {
    if command -v apt-get >/dev/null 2>&1; then
        echo "sudo apt-get install -y $1"
    elif command -v dnf >/dev/null 2>&1; then
        echo "sudo dnf install -y $1"
    elif command -v pacman >/dev/null 2>&1; then
        echo "sudo pacman -S --needed $1"
    elif command -v zypper >/dev/null 2>&1; then
        echo "sudo zypper install -y $1"
    elif command -v apk >/dev/null 2>&1; then
        echo "sudo apk add $1"
    else
        echo "xcode-select --install"
    fi
}

rustup="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
if ! command -v cargo >/dev/null 2>&1 && [ -x "${HOME:-}/.cargo/bin/cargo" ]; then
    PATH=$HOME/.cargo/bin:$PATH
fi
command -v cargo >/dev/null 2>&1 || fail "there is no Rust toolchain on this machine" "$rustup"
command -v cc >/dev/null 2>&1 || fail "there is no C compiler, which the cryptography is built with" "$(package_command gcc)"

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
have=$(rustc --version | sed 's/^rustc \([0-9.]*\).*/\1/')
oldest=$(printf '%s\n%s\n' "$wanted" "$have" | sort -t. -k1,1n -k2,2n | head -n 1)
if [ "$oldest" != "$wanted" ] && [ "${have%.*}" != "$wanted" ]; then
    fail "Rust $have is too old: devca needs $wanted" "rustup update, or $rustup"
fi

# Not a static program, which would start sooner: glibc's lookup of groups, which `sudo devca` needs, crashes in one.
echo "building devca: this takes a few minutes the first time"
cargo build --release --locked --quiet
built=${CARGO_TARGET_DIR:-target}/release/devca

put() { # the file, from standard input
    mkdir -p "$(dirname "$1")"
    cat >"$1.new"
    mv -f "$1.new" "$1"
}

mkdir -p "$prefix/bin"
# devca-serve is what `devca serve` runs, and devca-nss what changes browsers' databases. Not over the old files: they may be
# running.
for program in devca-nss devca-serve devca; do
    cp "$(dirname "$built")/$program" "$prefix/bin/$program.new"
    chmod 755 "$prefix/bin/$program.new"
    mv -f "$prefix/bin/$program.new" "$prefix/bin/$program"
done
if [ -n "$as_mkcert" ]; then "$prefix/bin/devca" mkcert --link path; fi
"$built" completions bash | put "$bash_file"
"$built" completions zsh | put "$zsh_file"
"$built" completions fish | put "$fish_file"
"$built" man | put "$man_folder/devca.1"
for command in $("$built" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | grep -vxE 'devca|help'); do
    "$built" man "$command" | put "$man_folder/devca-$command.1"
done

echo "installed $("$prefix/bin/devca" --version) as $prefix/bin/devca"
case :$PATH: in
    *:"$prefix/bin":*) ;;
    *) echo "it is not on your PATH yet: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
case $prefix in
    /usr | /usr/local) ;;
    *) echo "for completion in zsh, add to ~/.zshrc before compinit: fpath+=($prefix/share/zsh/site-functions)" ;;
esac
echo "next: devca install"
