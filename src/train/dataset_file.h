/* train/dataset_file.h - the layout of a data-set file, shared by its reader and its writer. docs/dataset.md */
#ifndef SL_TRAIN_DATASET_FILE_H
#define SL_TRAIN_DATASET_FILE_H

#include <stdint.h>

#include "starling/dataset.h"

#define SL_DATASET_IDENTIFIER "STLGDATA"

enum {
    SL_DATASET_FORMAT = 1,
    SL_DATASET_ALIGN = 64,    /* every part begins at a multiple of it */
    SL_DATASET_NO_LABEL = 255,
    SL_DATASET_MOST_ROWS = 1 << 30,
    SL_DATASET_MOST_FLOATS = 1 << 22 /* of an input */
};

/* The parts of the file, in the order of the header's table. All numbers little-endian. */
typedef enum sl_dataset_part {
    SL_PART_CONTRACT = 0,    /* as in a model file: a FlatBuffer of the table Contract */
    SL_PART_INPUTS,          /* rows x input_floats float32 or float16 */
    SL_PART_LABELS,          /* rows uint8 */
    SL_PART_COPIES,          /* rows uint16 */
    SL_PART_OBJECTS,         /* rows uint32 */
    SL_PART_POINTS,          /* rows uint32 */
    SL_PART_DAYS,            /* rows float32 */
    SL_PART_REDSHIFTS,       /* rows float32 */
    SL_PART_REDSHIFT_ERRORS, /* rows float32 */
    SL_PART_NAME_ENDS,       /* objects uint64: where each name ends in the next part */
    SL_PART_NAMES,           /* text, one name behind the other */
    SL_N_PARTS
} sl_dataset_part;

typedef struct sl_dataset_header {
    char identifier[8];
    uint32_t format_version, storage;
    uint64_t n_rows, n_objects;
    uint32_t input_floats, n_parts;
    struct {
        uint64_t offset, n_bytes;
    } part[SL_N_PARTS];
    uint8_t zeros[40];
} sl_dataset_header;

_Static_assert(sizeof(sl_dataset_header) == 256, "the header has 256 bytes");

#endif
