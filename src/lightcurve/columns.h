/* lightcurve/columns.h - which column of a table means what. */
#ifndef SL_LIGHTCURVE_COLUMNS_H
#define SL_LIGHTCURVE_COLUMNS_H

#include "lightcurve/lines.h"

typedef enum sl_role {
    SL_ROLE_OBJECT = 0,
    SL_ROLE_TIME,
    SL_ROLE_BAND,
    SL_ROLE_FLUX,
    SL_ROLE_FLUX_ERROR,
    SL_ROLE_MAG,
    SL_ROLE_MAG_ERROR,
    SL_ROLE_DETECTED,
    SL_ROLE_ZERO_POINT,
    SL_ROLE_REDSHIFT,
    SL_ROLE_REDSHIFT_ERROR,
    SL_N_ROLES
} sl_role;

typedef struct sl_columns {
    int at[SL_N_ROLES]; /* index of the cell, or -1 */
    bool time_is_jd;
    double zero_point; /* of fluxes where no column says it */
} sl_columns;

/* ',', '\t' or ';': what the line has most of. */
char sl_separator_guess(const char *line, size_t len);

/* How many roles the names of the header fill. */
size_t sl_columns_find(const sl_cell *cells, size_t n, sl_columns *out);
/* SL_ERR_FORMAT/BAD_TABLE names the first column that is missing. */
sl_status sl_columns_check(const sl_columns *columns, sl_error *err);

/* 'u' 'g' 'r' 'i' 'z' 'y', or '?': "r", "Y", "ztfr", "LSST-r", and 0..5 where digits are allowed. */
char sl_band_letter(const char *text, size_t len, bool digits);

#endif
