/* make_grids FILE: a small file of prepared data, 60 objects of three classes in two views each, and one of no class. */
#include "../unit/unit.h"

#include "../unit/train_data.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    const data_size size = {.objects = 60, .copies = 2, .steps = 16, .classes = 3, .storage = SL_DATASET_FLOAT16, .peak = true};
    make_data(argv[1], &size);
    return 0;
}
