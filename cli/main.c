/* starling: the program. A table of commands; each has a file of its own. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "opts.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"classify", cmd_classify, "alerts and light curves in, class probabilities out"},
    {"inspect", cmd_inspect, "what is in a model or an alert file"},
    {"import", cmd_import, "make a model file from a TFLite file"},
    {"simulate", cmd_simulate, "make up a night of alerts"},
    {"prepare", cmd_prepare, "labelled light curves to the data that train learns from"},
    {"train", cmd_train, "train a network on prepared light curves"},
    {"evaluate", cmd_evaluate, "how good a model is on light curves whose classes are known"},
    {"compress", cmd_compress, "a model made small: prune, cluster, quantize, code"},
    {"bench", cmd_bench, "measure every stage on this machine"},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static int print_usage(FILE *to, int code)
{
    fprintf(to, "starling %s - classify the alerts of sky surveys\n\nusage: starling COMMAND [options] ...\n\n",
            sl_version());
    for (int i = 0; i < N_COMMANDS; i++) fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\nstarling COMMAND --help tells more of a command; starling --version its version.\n"
                "A first try without any data:\n\n"
                "  starling simulate -o night.tar\n"
                "  starling classify night.tar\n");
    return code;
}

static int run_command(const char *name, int argc, char **argv)
{
    const char *names[N_COMMANDS + 1] = {NULL};
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) return commands[i].run(argc, argv);
        names[i] = commands[i].name;
    }
    const char *meant = opts_nearest(name, names);
    fprintf(stderr, "starling: there is no command '%s'", name);
    if (meant != NULL) fprintf(stderr, "; did you mean %s?", meant);
    fprintf(stderr, "\nsee: starling --help\n");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) return print_usage(stderr, EXIT_USAGE);
    const char *word = argv[1];
    int code;
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("starling %s (%s)\n", sl_version(), sl_runner_cpu());
        code = EXIT_WELL;
    } else if (strcmp(word, "help") == 0 && argc > 2) {
        char help[] = "--help";
        code = run_command(argv[2], 2, (char *[]){argv[2], help, NULL});
    } else if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        code = print_usage(stdout, EXIT_WELL);
    } else {
        code = run_command(word, argc - 1, argv + 1);
    }
    if (fflush(stdout) != 0 && code == EXIT_WELL) {
        perror("starling: cannot write to standard output");
        code = EXIT_IO;
    }
    return code;
}
