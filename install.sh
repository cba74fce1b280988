#!/bin/sh
# Installs devca: its programs, manual pages and completions.
#
#   ./install.sh                  builds this checkout and installs it into ~/.local (bin, share/man, share/…/completions)
#   ./install.sh --from PLACE     installs a release instead: PLACE is a folder or an https:// address. Verifies its
#                                 checksum and signature, which needs minisign
#   ./install.sh --key KEY        verifies the signature with this public key of minisign, instead of the project's
#   ./install.sh --prefix DIR     into DIR, as in --prefix /usr/local
#   ./install.sh --as-mkcert      also links it under the name mkcert, unless there is one (docs/from-mkcert.md)
#   ./install.sh --uninstall      removes the same files again (with the same --prefix)
#
# It can be run again at any time, and replaces nothing before all new files are complete. It changes no trust store:
# `devca install` does that.
set -eu

# The key that releases are signed with. Empty until there is a first release.
public_key=

fail() {
    echo "install.sh: error: $1" >&2
    echo "install.sh: hint: $2" >&2
    exit 1
}

prefix=${HOME:-}/.local
action=build
from=
as_mkcert=
while [ $# -gt 0 ]; do
    case $1 in
        --prefix)
            [ $# -ge 2 ] || fail "--prefix needs a folder" "./install.sh --prefix /usr/local"
            prefix=$2
            shift
            ;;
        --prefix=*) prefix=${1#--prefix=} ;;
        --from)
            [ $# -ge 2 ] || fail "--from needs a folder or an address" "./install.sh --from ~/Downloads"
            action=release from=$2
            shift
            ;;
        --from=*) action=release from=${1#--from=} ;;
        --key)
            [ $# -ge 2 ] || fail "--key needs a public key of minisign" "take the last line of the key's .pub file"
            public_key=$2
            shift
            ;;
        --key=*) public_key=${1#--key=} ;;
        --as-mkcert) as_mkcert=1 ;;
        --uninstall) action=uninstall ;;
        -h | --help)
            sed -n '2,12s/^# \{0,1\}//p' "$0"
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

# As root, nothing may be written or run where another user can plant a link or a program. (Sticky folders such as /tmp let
# only the owner of a file replace it.)
if [ "$(id -u)" = 0 ]; then
    for folder in "$prefix/bin" "$prefix/share"; do
        while [ "$folder" != / ]; do
            if [ -e "$folder" ] && [ -n "$(find -L "$folder" -prune \( ! -user 0 -o \( -perm -002 -o -perm -020 ! -group 0 \) ! -perm -1000 \))" ]; then
                fail "$folder can be changed by users other than root" "run it without sudo, or with --prefix /usr/local"
            fi
            folder=$(dirname "$folder")
        done
    done
fi

if [ "$action" = uninstall ]; then
    if [ -x "$prefix/bin/devca" ]; then "$prefix/bin/devca" --quiet mkcert --unlink || true; fi
    for program in devca devca-serve devca-nss; do
        rm -f "$prefix/bin/$program"
    done
    rm -f "$prefix/share/bash-completion/completions/devca" "$prefix/share/zsh/site-functions/_devca" \
        "$prefix/share/fish/vendor_completions.d/devca.fish" "$prefix/share/man/man1/devca.1" "$prefix/share/man/man1"/devca-*.1
    rm -rf "$prefix/share/doc/devca"
    echo "removed devca from $prefix; your root and certificates are still there"
    exit 0
fi

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
    elif command -v brew >/dev/null 2>&1; then
        echo "brew install $1"
    else
        echo "install the package $1"
    fi
}

# Everything is first collected here, with the same layout as below the prefix.
work=$(mktemp -d)
tree=$work/tree
new_files=
clean() {
    rm -rf "$work"
    # Files of an interrupted installation.
    for new in $new_files; do rm -f "$prefix/$new.devca-new"; done
}
trap clean EXIT
trap 'exit 130' HUP INT TERM

# Copies one file of a release.
fetch() {
    case $from in
        https://*)
            if command -v curl >/dev/null 2>&1; then
                curl --proto '=https' --tlsv1.2 -fsSL -o "$work/$1" "$from/$1"
            elif command -v wget >/dev/null 2>&1; then
                wget -q --https-only -O "$work/$1" "$from/$1"
            else
                fail "neither curl nor wget is installed, so nothing can be downloaded" "$(package_command curl)"
            fi || fail "cannot download $from/$1" "check the address: it is the folder of one version"
            ;;
        *://*) fail "$from is not an https:// address" "download the release yourself, then: ./install.sh --from FOLDER" ;;
        *) cp "$from/$1" "$work/$1" || fail "$from has no $1" "give the folder that the release was downloaded to" ;;
    esac
}

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

unpack_release() {
    from=${from%/}
    [ -n "$public_key" ] || fail "no public key to verify the release with" "./install.sh --from $from --key KEY"
    command -v minisign >/dev/null 2>&1 || fail "minisign, which verifies the release, is not installed" "$(package_command minisign)"
    fetch SHA256SUMS
    fetch SHA256SUMS.minisig
    minisign -V -q -P "$public_key" -m "$work/SHA256SUMS" >/dev/null 2>&1 ||
        fail "the signature of SHA256SUMS is not by the key $public_key" "download the release again from where the project publishes it"
    system=$(uname -s | sed 's/^Linux$/linux/; s/^Darwin$/macos/')-$(uname -m | sed 's/^arm64$/aarch64/; s/^amd64$/x86_64/')
    archive=$(sed -n "s/^[0-9a-f]*  \(devca-[0-9.]*-$system\.tar\.gz\)\$/\1/p" "$work/SHA256SUMS")
    [ -n "$archive" ] || fail "this release has no package for $system" "build it from a checkout: ./install.sh"
    fetch "$archive"
    [ "$(sha256 "$work/$archive")" = "$(sed -n "s/^\([0-9a-f]*\)  $archive\$/\1/p" "$work/SHA256SUMS")" ] ||
        fail "$archive is damaged: its checksum does not match" "download it again"
    mkdir "$tree"
    tar -xzf "$work/$archive" -C "$tree" --strip-components 1
}

build_checkout() {
    cd "$(dirname "$0")"
    [ -f Cargo.toml ] || fail "this is not a checkout of devca" "install a release: sh install.sh --from PLACE"
    rustup="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
    if ! command -v cargo >/dev/null 2>&1 && [ -x "${HOME:-}/.cargo/bin/cargo" ]; then
        PATH=$HOME/.cargo/bin:$PATH
    fi
    command -v cargo >/dev/null 2>&1 || fail "no Rust toolchain is installed" "$rustup"
    if ! command -v cc >/dev/null 2>&1; then
        case $(uname -s) in
            Darwin) fail "no C compiler is installed, which the cryptography needs" "xcode-select --install" ;;
            *) fail "no C compiler is installed, which the cryptography needs" "$(package_command gcc)" ;;
        esac
    fi
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    have=$(rustc --version | sed 's/^rustc \([0-9.]*\).*/\1/')
    oldest=$(printf '%s\n%s\n' "$wanted" "$have" | sort -t. -k1,1n -k2,2n | head -n 1)
    if [ "$oldest" != "$wanted" ] && [ "${have%.*}" != "$wanted" ]; then
        fail "Rust $have is too old: devca needs $wanted" "rustup update, or $rustup"
    fi

    echo "building devca: this takes a few minutes the first time"
    # On a terminal, Cargo shows a progress bar.
    if [ -t 2 ]; then tools/build; else tools/build --quiet; fi
    built=${CARGO_TARGET_DIR:-target}/programs

    mkdir -p "$tree/bin" "$tree/share/man/man1" "$tree/share/bash-completion/completions" \
        "$tree/share/zsh/site-functions" "$tree/share/fish/vendor_completions.d"
    # `devca serve` runs devca-serve, and devca-nss changes browsers' databases.
    for program in devca devca-serve devca-nss; do
        cp "$built/$program" "$tree/bin/$program"
    done
    "$built/devca" completions bash >"$tree/share/bash-completion/completions/devca"
    "$built/devca" completions zsh >"$tree/share/zsh/site-functions/_devca"
    "$built/devca" completions fish >"$tree/share/fish/vendor_completions.d/devca.fish"
    "$built/devca" man >"$tree/share/man/man1/devca.1"
    for command in $("$built/devca" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | grep -vxE 'devca|help'); do
        "$built/devca" man "$command" >"$tree/share/man/man1/devca-$command.1"
    done
}

if [ "$action" = release ]; then unpack_release; else build_checkout; fi
# Test that it runs here before it replaces anything.
"$tree/bin/devca" --version >/dev/null || fail "the program does not run on this system" "build it from a checkout: ./install.sh"

# Copy all new files next to the old ones, then rename them, so that running programs stay intact. (No name has spaces.)
new_files=$(cd "$tree" && find . -type f | sed 's#^\./##')
for new in $new_files; do
    mkdir -p "$(dirname "$prefix/$new")"
    case $new in bin/*) mode=755 ;; *) mode=644 ;; esac
    cp "$tree/$new" "$prefix/$new.devca-new"
    chmod "$mode" "$prefix/$new.devca-new"
done
for new in $new_files; do
    mv -f "$prefix/$new.devca-new" "$prefix/$new"
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
# Last, and with its exit code: it does not overwrite another mkcert.
if [ -n "$as_mkcert" ]; then "$prefix/bin/devca" mkcert --link path; fi
echo "next: devca install"
