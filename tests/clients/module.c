/* A library that says as whom it was loaded: what a planted pkcs11.txt would have NSS load. */
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
    FILE *file = fopen(SPRUNG, "a");
    if (file) {
        fprintf(file, "loaded as %d\n", (int)geteuid());
        fclose(file);
    }
}
