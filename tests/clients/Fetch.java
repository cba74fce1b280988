// One request with Java: URL [h2]. With "h2", it uses HttpClient, which also offers HTTP/2.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

public class Fetch {
    public static void main(String[] args) throws Exception {
        URI url = URI.create(args[0]);
        if (args.length == 1) {
            url.toURL().openStream().read();
        } else {
            HttpRequest request = HttpRequest.newBuilder(url).build();
            HttpClient.newHttpClient().send(request, BodyHandlers.discarding());
        }
    }
}
