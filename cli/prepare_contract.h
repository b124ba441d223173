/* cli/prepare_contract.h - the contract that the words of a command line ask for. */
#ifndef CLI_PREPARE_CONTRACT_H
#define CLI_PREPARE_CONTRACT_H

#include "starling/starling.h"

/* Words as they were given; NULL or 0 for what was not. */
typedef struct contract_wishes {
    const char *bands;    /* "gr", or letters of "ugrizy" */
    const char *features; /* "all", "none", names or "-name"s with commas between */
    const char *planes;   /* "asinh", "error", both, or "none" */
    int scaling;          /* index into contract_scalings */
    int extras;           /* sl_extra_mode */
    bool redshift, no_grid;
    uint64_t min_points, steps, wavelengths, nights, knots;
    double window; /* [d] around the detections; negative: everything */
} contract_wishes;

extern const char *const contract_scalings[], *const contract_extras[];

/* The contract "starling", changed as wished, with these classes. SL_ERR_INVAL says which word is wrong. */
sl_status contract_from_wishes(const contract_wishes *wishes, const sl_class_rules *classes, sl_contract *out,
                               sl_error *err);

#endif
