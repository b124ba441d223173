/* make_model CONTRACT FILE [NET]: write the random model, or an untrained one of the zoo, for tests and benches that run
   programs. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "random_model.h"
#include "starling/train.h"

static sl_status write_net(const char *contract_name, const char *path, const char *net, sl_error *err)
{
    sl_net_size size;
    sl_contract contract;
    sl_status status = sl_net_size_preset(net, &size, err);
    if (status == SL_OK) status = sl_contract_preset(contract_name, &contract, err);
    return status == SL_OK ? sl_net_write(&size, &contract, 1, path, err) : status;
}

static sl_status write_random(const char *contract_name, const char *path, sl_error *err)
{
    void *bytes = NULL;
    size_t n_bytes = 0;
    sl_status status = random_model(contract_name, &bytes, &n_bytes, err);
    if (status == SL_OK) status = sl_file_write(path, bytes, n_bytes, err);
    free(bytes);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: %s CONTRACT FILE [NET]\n", argv[0]);
        return 2;
    }
    sl_error err;
    const sl_status status = argc == 4 ? write_net(argv[1], argv[2], argv[3], &err) : write_random(argv[1], argv[2], &err);
    if (status == SL_OK) return 0;
    fprintf(stderr, "make_model: %s\n", err.message);
    return 1;
}
