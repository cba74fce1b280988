// One TLS connection with mbedTLS: CA-FILE PORT NAME.
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <stdio.h>

static int refused(const char *step, int code) {
    char words[200];
    mbedtls_strerror(code, words, sizeof words);
    printf("refused: %s: %s\n", step, words);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    mbedtls_x509_crt ca;
    mbedtls_x509_crt_init(&ca);
    int code = mbedtls_x509_crt_parse_file(&ca, argv[1]);
    if (code != 0) return refused("the root", code);

    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_net_context net;
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&ssl);
    mbedtls_net_init(&net);
    mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0);
    mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
    mbedtls_ssl_conf_ca_chain(&config, &ca, NULL);
    mbedtls_ssl_setup(&ssl, &config);
    mbedtls_ssl_set_hostname(&ssl, argv[3]);
    code = mbedtls_net_connect(&net, "127.0.0.1", argv[2], MBEDTLS_NET_PROTO_TCP);
    if (code != 0) return refused("the connection", code);
    mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
    code = mbedtls_ssl_handshake(&ssl);
    if (code != 0) {
        char words[500];
        mbedtls_x509_crt_verify_info(words, sizeof words, "", mbedtls_ssl_get_verify_result(&ssl));
        printf("%s", words);
        return refused("the handshake", code);
    }
    puts("accepted");
    return 0;
}
