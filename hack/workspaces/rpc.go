package workspaces

import "fmt"

// RPC has a protocol in protobuf, compiled without protoc, and services of tonic.
func RPC() *Workspace {
	b := newBuilder("rpc")
	b.Files["proto/echo.proto"] = `syntax = "proto3";
package echo;
import "types.proto";
service Echo { rpc Say(types.Text) returns (types.Text); }
`
	b.Files["proto/types.proto"] = "syntax = \"proto3\";\npackage types;\nmessage Text { string text = 1; }\n"
	const prost, tonic = `prost = "0.13"`, `tonic = { version = "0.12", default-features = false, features = ["codegen", "prost"] }`
	b.member("protocol", []string{prost, tonic, "[build-dependencies]\nprotox = \"0.7\"\ntonic-build = { version = \"0.12\", default-features = false, features = [\"prost\"] }\n"}, map[string]string{
		"build.rs": `fn main() {
    println!("cargo:rerun-if-changed=../proto");
    let files = protox::compile(["echo.proto"], ["../proto"]).unwrap();
    tonic_build::configure().build_transport(false).compile_fds(files).unwrap();
}
`,
		"src/lib.rs": `pub mod types { include!(concat!(env!("OUT_DIR"), "/types.rs")); }
pub mod echo { include!(concat!(env!("OUT_DIR"), "/echo.rs")); }
`,
	})
	b.member("text", []string{"protocol"}, map[string]string{
		"src/lib.rs": "pub fn text(s: &str) -> protocol::types::Text { protocol::types::Text { text: s.into() } }\n#[cfg(test)]\nmod tests { #[test] fn text() { assert_eq!(super::text(\"a\").text, \"a\") } }\n",
	})
	b.member("service", []string{"protocol", "text", tonic}, map[string]string{
		"src/lib.rs": `use protocol::{echo::echo_server::Echo, types::Text};
pub struct Service;
#[tonic::async_trait]
impl Echo for Service {
    async fn say(&self, r: tonic::Request<Text>) -> Result<tonic::Response<Text>, tonic::Status> {
        Ok(tonic::Response::new(text::text(&r.into_inner().text)))
    }
}
`,
	})
	b.member("codec", []string{"protocol", prost}, map[string]string{
		"src/lib.rs": "use prost::Message;\npub fn bytes(t: &protocol::types::Text) -> Vec<u8> { t.encode_to_vec() }\n",
	})
	for i := range 5 {
		b.member(fmt.Sprintf("part%d", i), []string{"text", "codec"}, map[string]string{
			"src/lib.rs": fmt.Sprintf("pub fn size() -> usize { codec::bytes(&text::text(\"part %d\")).len() }\n", i),
		})
	}
	b.member("daemon", []string{"service", "part0", "part1", "part2", "part3", "part4"}, map[string]string{
		"src/main.rs": `fn main() {
    let _ = protocol_server(service::Service);
    println!("{}", part0::size() + part1::size() + part2::size() + part3::size() + part4::size());
}
fn protocol_server(s: service::Service) -> usize { std::mem::size_of_val(&s) }
`,
	})
	b.edit("protocol", "proto/types.proto", "string text = 1;", "string text = 1 /* the text */;")
	b.edit("part", "part3/src/lib.rs", "part 3", "another part")
	b.edit("service", "service/src/lib.rs", "pub struct Service;", "/// Echoes.\npub struct Service;")
	return b.done()
}
