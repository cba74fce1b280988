// Serves as configured by Spring Boot's properties in a file, loading the stores that it names. Refuses properties that
// it does not know.
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.FileInputStream;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.URL;
import java.security.KeyStore;
import java.util.Properties;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

public class Spring {
    static final Properties properties = new Properties();

    /** Takes a property, with `${NAME}` from the environment. */
    static String take(String name) {
        String value = (String) properties.remove(name);
        return value != null && value.startsWith("${") ? System.getenv(value.substring(2, value.length() - 1)) : value;
    }

    static KeyStore load(String prefix, char[] password) throws Exception {
        KeyStore store = KeyStore.getInstance(take(prefix + "-type"));
        try (InputStream file = new URL(take(prefix)).openStream()) {
            store.load(file, password);
        }
        return store;
    }

    public static void main(String[] args) throws Exception {
        try (FileInputStream file = new FileInputStream(args[0])) {
            properties.load(file);
        }
        InetSocketAddress address =
            new InetSocketAddress(take("server.address"), Integer.parseInt(take("server.port")));
        char[] password = take("server.ssl.key-store-password").toCharArray();
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(load("server.ssl.key-store", password), password);
        TrustManager[] trusted = null;
        boolean need = "need".equals(take("server.ssl.client-auth"));
        if (need) {
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(load("server.ssl.trust-store", take("server.ssl.trust-store-password").toCharArray()));
            trusted = factory.getTrustManagers();
        }
        if (!properties.isEmpty()) {
            throw new IllegalArgumentException("unknown: " + properties.keySet());
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trusted, null);
        HttpsServer server = HttpsServer.create(address, 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters own = context.getDefaultSSLParameters();
                own.setNeedClientAuth(need);
                parameters.setSSLParameters(own);
            }
        });
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, 6);
            exchange.getResponseBody().write("Hello\n".getBytes());
            exchange.close();
        });
        server.start();
    }
}
