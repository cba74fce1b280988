{
  description = "Local development certificate authority";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  # Built from source: devca-nss, a dynamic program, gets the store's own C library.
  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forEach = nixpkgs.lib.genAttrs systems;
    in {
      packages = forEach (system:
        let pkgs = nixpkgs.legacyPackages.${system};
        in {
          default = pkgs.rustPlatform.buildRustPackage {
            pname = "devca";
            version = "@VERSION@";
            src = ../..;
            cargoLock.lockFile = ../../Cargo.lock;
            nativeBuildInputs = [ pkgs.cmake pkgs.installShellFiles ];
            # The tests change trust stores, and ask for tools of Debian's.
            doCheck = false;
            postInstall = ''
              installShellCompletion --cmd devca \
                --bash <($out/bin/devca completions bash) \
                --zsh <($out/bin/devca completions zsh) \
                --fish <($out/bin/devca completions fish)
              $out/bin/devca man > devca.1
              installManPage devca.1
            '';
            meta = {
              description = "Local development certificate authority";
              license = with pkgs.lib.licenses; [ mit asl20 ];
              mainProgram = "devca";
            };
          };
        });
    };
}
