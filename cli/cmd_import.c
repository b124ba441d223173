/* starling import: a TFLite file in, a model file out. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "opts.h"

enum { MAX_TFLITE = 1 << 30 };

static const char *const contracts[] = {"reference", "starling", NULL};

static const manual about = {
    .command = "import",
    .summary = "make a model file from a TFLite file",
    .operands = "FILE.tflite",
    .text =
        "Reads the weights of a t2 network, float32 or int8, from a TFLite file, and writes them as a model file with\n"
        "the contract they are to be used under: which points count, in which units and order, the Gaussian process,\n"
        "the scaling, the classes. A TFLite file says nothing of that.\n"
        "\n"
        "reference is the recipe of the published t2 service, its faults included: use it for weights trained there.\n"
        "starling is the sane one: time forward, one time scale, one band is enough.",
    .examples = "starling import tinho-gr.tflite -o tinho.starling\n"
                "starling inspect tinho.starling",
};

/* Open what was written: it must be good, and people like to see what they got. */
static int tell(const char *path)
{
    sl_model *model;
    sl_error err;
    if (sl_model_open(path, &model, &err) < 0) return say_failed(about.command, NULL, &err);
    sl_model_info info;
    char count[32], size[32];
    sl_model_describe(model, &info);
    fprintf(stderr, "%s: %s weights, %s, contract %s, model %s\n", path, show_count(info.n_parameters, count),
            show_bytes(info.file_bytes, size), sl_model_contract(model)->name, sl_model_id(model));
    sl_model_close(model);
    return EXIT_WELL;
}

int cmd_import(int argc, char **argv)
{
    const char *out = NULL;
    int contract_index = 0;
    const opt options[] = {
        {'o', "output", OPT_TEXT, &out, "MODEL", "the model file to write"},
        {'c', "contract", OPT_CHOICE, &contract_index, "NAME", "reference (unless given) or starling",
         .choices = contracts},
        {.name = NULL},
    };
    int n_operands;
    const int code = opts_parse(&about, options, argc, argv, &n_operands);
    if (code != OPTS_GO) return code;
    if (n_operands != 1) return opts_wrong(&about, "give one TFLite file");
    if (out == NULL) return opts_wrong(&about, "give -o MODEL, the file to write");
    const char *path = argv[1], *slash = strrchr(path, '/');
    sl_error err;
    static sl_contract contract; /* too large for the stack */
    if (sl_contract_preset(contracts[contract_index], &contract, &err) < 0) return say_failed(about.command, NULL, &err);
    snprintf(contract.source, sizeof contract.source, "%s", slash != NULL ? slash + 1 : path);
    snprintf(contract.created_by, sizeof contract.created_by, "starling import %s", sl_version());
    size_t n;
    unsigned char *bytes = read_in(about.command, path, MAX_TFLITE, &n);
    if (bytes == NULL) return EXIT_IO;
    const sl_status status = sl_model_import_tflite(bytes, n, &contract, out, &err);
    free(bytes);
    if (status < 0) return say_failed(about.command, err.status == SL_ERR_IO ? NULL : path, &err); /* IO: of MODEL */
    return tell(out);
}
