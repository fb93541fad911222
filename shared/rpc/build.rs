//! Generates the gRPC code from `proto/` without protoc.

use std::path::{Path, PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(root, &mut files)?;
    files.sort();
    let descriptors = protox::compile(&files, [root])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("entente.binpb");
    std::fs::write(&out, descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .skip_debug([
            ".entente.access.v1.AddEntityKeyRequest",
            ".entente.access.v1.CreateApiKeyResponse",
            ".entente.access.v1.RemoveEntityKeyRequest",
            ".entente.access.v1.RotateApiKeyResponse",
            ".entente.event.v1.WebhookHeader",
        ])
        .codec_path("crate::codec::ExactCodec")
        .emit_rerun_if_changed(false)
        .compile_fds(descriptors)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
