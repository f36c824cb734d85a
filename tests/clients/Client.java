// The contract's call in Java with Unirest, without the body: its get() takes none.

import static java.nio.charset.StandardCharsets.UTF_8;

import com.mashape.unirest.http.HttpResponse;
import com.mashape.unirest.http.Unirest;
import java.net.URLEncoder;

public class Client {
    public static void main(String[] args) throws Exception {
        String url = String.format("%s/apis/jobs/v2/workspaces/%s/jobs/%s/status",
                args[0], encode(args[1]), encode(args[2]));

        HttpResponse<String> response = Unirest.get(url)
                .header("Content-Type", "application/json")
                .asString();
        Unirest.shutdown();

        if (response.getStatus() != 200) {
            System.err.printf("%d %s: %s%n", response.getStatus(), response.getStatusText(), response.getBody());
            System.exit(1);
        }
        System.out.write(response.getBody().getBytes(UTF_8));
    }

    // Unirest's own routeParam() breaks names beyond ASCII. URLEncoder writes forms, in which a space is a plus sign.
    private static String encode(String segment) {
        return URLEncoder.encode(segment, UTF_8).replace("+", "%20");
    }
}
