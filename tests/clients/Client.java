// One TLS request with Java: CA-FILE PORT NAME [CERTIFICATE KEY]; with "-" as CA-FILE, it uses the JDK's own store.
// TLS_MAX=1.2 limits the version.
import java.io.FileInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    public static void main(String[] args) throws Exception {
        SSLContext context = SSLContext.getDefault();
        if (!args[0].equals("-")) {
            KeyStore store = empty();
            store.setCertificateEntry("root", certificate(args[0]));
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(store);
            context = SSLContext.getInstance("TLS");
            context.init(args.length > 4 ? identity(args[3], args[4]) : null, factory.getTrustManagers(), null);
        }
        int port = Integer.parseInt(args[1]);
        try (Socket plain = new Socket("127.0.0.1", port);
                SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, args[2], port, true)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            if ("1.2".equals(System.getenv("TLS_MAX"))) {
                parameters.setProtocols(new String[] {"TLSv1.2"});
            }
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            // In TLS 1.3, the server rejects a client certificate after the handshake.
            socket.getOutputStream().write(("GET / HTTP/1.0\r\nHost: " + args[2] + "\r\n\r\n").getBytes());
            socket.getInputStream().read();
            System.out.println("accepted");
        } catch (IOException e) {
            System.out.println("refused: " + e.getMessage());
            System.exit(1);
        }
    }

    static KeyStore empty() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        return store;
    }

    static Certificate certificate(String path) throws Exception {
        try (FileInputStream file = new FileInputStream(path)) {
            return CertificateFactory.getInstance("X.509").generateCertificate(file);
        }
    }

    static KeyManager[] identity(String certificate, String key) throws Exception {
        String base64 = Files.readString(Path.of(key)).replaceAll("-----.*-----|\\s", "");
        PKCS8EncodedKeySpec pkcs8 = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(base64));
        KeyStore store = empty();
        Certificate[] chain = {certificate(certificate)};
        store.setKeyEntry("client", KeyFactory.getInstance("EC").generatePrivate(pkcs8), new char[0], chain);
        KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
        factory.init(store, new char[0]);
        return factory.getKeyManagers();
    }
}
