// One TLS connection with wolfSSL: CA-FILE PORT NAME.
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static int refused(const char *step, int code) {
    char words[WOLFSSL_MAX_ERROR_SZ];
    wolfSSL_ERR_error_string((unsigned long)code, words);
    printf("refused: %s: %s\n", step, words);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLS_client_method());
    int code = wolfSSL_CTX_load_verify_locations_ex(context, argv[1], NULL, 0);
    if (code != WOLFSSL_SUCCESS) return refused("the root", code);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int plain = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(plain, (struct sockaddr *)&address, sizeof address) != 0) return 3;

    WOLFSSL *ssl = wolfSSL_new(context);
    wolfSSL_set_fd(ssl, plain);
    wolfSSL_check_domain_name(ssl, argv[3]);
    code = wolfSSL_connect(ssl);
    if (code != WOLFSSL_SUCCESS) return refused("the handshake", wolfSSL_get_error(ssl, code));
    puts("accepted");
    return 0;
}
