// Mutual TLS with Java. A server: `server KEYSTORE TRUSTSTORE CRL PASSWORD`, which prints its port and greets clients by name.
// A client: `client TRUSTSTORE PASSWORD PORT [KEYSTORE]`, which prints the server's response.
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.security.KeyStore;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.X509CertSelector;
import javax.naming.ldap.LdapName;
import javax.net.ssl.CertPathTrustManagerParameters;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Mtls {
    static KeyStore store(String file, String password) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream input = new FileInputStream(file)) {
            store.load(input, password.toCharArray());
        }
        return store;
    }

    static KeyManager[] keys(String file, String password) throws Exception {
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store(file, password), password.toCharArray());
        return keys.getKeyManagers();
    }

    static void serve(String[] args) throws Exception {
        PKIXBuilderParameters trust = new PKIXBuilderParameters(store(args[2], args[4]), new X509CertSelector());
        try (InputStream crl = new FileInputStream(args[3])) {
            var lists = CertificateFactory.getInstance("X.509").generateCRLs(crl);
            trust.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists)));
        }
        trust.setRevocationEnabled(true);
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(new CertPathTrustManagerParameters(trust));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys(args[1], args[4]), factory.getTrustManagers(), null);
        SSLServerSocket server = (SSLServerSocket)
                context.getServerSocketFactory().createServerSocket(0, 10, InetAddress.getByName("127.0.0.1"));
        server.setNeedClientAuth(true);
        System.out.println("ACCEPT 127.0.0.1:" + server.getLocalPort());
        while (true) {
            try (SSLSocket socket = (SSLSocket) server.accept()) {
                socket.startHandshake();
                new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
                String subject = socket.getSession().getPeerPrincipal().getName();
                String name = new LdapName(subject).getRdns().stream()
                        .filter(part -> part.getType().equals("CN")).findFirst().orElseThrow().getValue().toString();
                socket.getOutputStream().write(("HTTP/1.0 200 OK\r\n\r\nHello, " + name + "\n").getBytes());
            } catch (java.io.IOException refused) {
                refused.printStackTrace();
            }
        }
    }

    static void ask(String[] args) throws Exception {
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(store(args[1], args[2]));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(args.length > 4 ? keys(args[4], args[2]) : null, trust.getTrustManagers(), null);
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("localhost", Integer.parseInt(args[3]))) {
            socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes());
            socket.getInputStream().transferTo(System.out);
        }
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("server")) serve(args); else ask(args);
    }
}
