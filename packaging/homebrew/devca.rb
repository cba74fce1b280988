class Devca < Formula
  desc "Local development certificate authority"
  homepage "@URL@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@URL@/devca-@VERSION@-macos-aarch64.tar.gz"
      sha256 "@SHA256_macos-aarch64@"
    end
    on_intel do
      url "@URL@/devca-@VERSION@-macos-x86_64.tar.gz"
      sha256 "@SHA256_macos-x86_64@"
    end
  end
  on_linux do
    on_arm do
      url "@URL@/devca-@VERSION@-linux-aarch64.tar.gz"
      sha256 "@SHA256_linux-aarch64@"
    end
    on_intel do
      url "@URL@/devca-@VERSION@-linux-x86_64.tar.gz"
      sha256 "@SHA256_linux-x86_64@"
    end
  end

  def install
    bin.install Dir["bin/*"]
    man1.install Dir["share/man/man1/*"]
    bash_completion.install "share/bash-completion/completions/devca"
    zsh_completion.install "share/zsh/site-functions/_devca"
    fish_completion.install "share/fish/vendor_completions.d/devca.fish"
  end

  test do
    system bin/"devca", "issue", "localhost"
    assert_predicate testpath/"localhost.pem", :exist?
  end
end
