//! A configuration profile with the root, for iOS, iPadOS and macOS (Apple, "Configuration Profile Reference").
//!
//! The person installs it in the settings and, on iOS, switches full trust on (General, About, Certificate Trust Settings).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::root::uuid;
use crate::certificate::CaCertificate;

pub(super) fn profile(root: &CaCertificate) -> Vec<u8> {
    let name = escape(&root.common_name);
    let certificate = BASE64_STANDARD.encode(&root.der);
    let (inner, outer) = (uuid(root, "certificate"), uuid(root, "profile"));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>PayloadType</key><string>Configuration</string>
	<key>PayloadVersion</key><integer>1</integer>
	<key>PayloadIdentifier</key><string>devca.{outer}</string>
	<key>PayloadUUID</key><string>{outer}</string>
	<key>PayloadDisplayName</key><string>{name}</string>
	<key>PayloadDescription</key><string>Trusts certificates of a local development CA</string>
	<key>PayloadContent</key>
	<array>
		<dict>
			<key>PayloadType</key><string>com.apple.security.root</string>
			<key>PayloadVersion</key><integer>1</integer>
			<key>PayloadIdentifier</key><string>devca.{outer}.{inner}</string>
			<key>PayloadUUID</key><string>{inner}</string>
			<key>PayloadDisplayName</key><string>{name}</string>
			<key>PayloadContent</key><data>{certificate}</data>
		</dict>
	</array>
</dict>
</plist>
"#
    )
    .into_bytes()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
