#include "lightcurve/columns.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"

static const struct {
    const char *name;
    sl_role role;
} names[] = {
    {"object_id", SL_ROLE_OBJECT},
    {"objectid", SL_ROLE_OBJECT},
    {"object", SL_ROLE_OBJECT},
    {"name", SL_ROLE_OBJECT},
    {"snid", SL_ROLE_OBJECT},
    {"id", SL_ROLE_OBJECT},
    {"diaobjectid", SL_ROLE_OBJECT},
    {"oid", SL_ROLE_OBJECT},
    {"mjd", SL_ROLE_TIME},
    {"midpointmjdtai", SL_ROLE_TIME},
    {"jd", SL_ROLE_TIME},
    {"passband", SL_ROLE_BAND},
    {"band", SL_ROLE_BAND},
    {"filter", SL_ROLE_BAND},
    {"flt", SL_ROLE_BAND},
    {"flux", SL_ROLE_FLUX},
    {"fluxcal", SL_ROLE_FLUX},
    {"psfflux", SL_ROLE_FLUX},
    {"flux_err", SL_ROLE_FLUX_ERROR},
    {"fluxerr", SL_ROLE_FLUX_ERROR},
    {"flux_error", SL_ROLE_FLUX_ERROR},
    {"fluxcalerr", SL_ROLE_FLUX_ERROR},
    {"psffluxerr", SL_ROLE_FLUX_ERROR},
    {"mag", SL_ROLE_MAG},
    {"magpsf", SL_ROLE_MAG},
    {"magerr", SL_ROLE_MAG_ERROR},
    {"mag_err", SL_ROLE_MAG_ERROR},
    {"mag_error", SL_ROLE_MAG_ERROR},
    {"sigmapsf", SL_ROLE_MAG_ERROR},
    {"detected", SL_ROLE_DETECTED},
    {"detected_bool", SL_ROLE_DETECTED},
    {"zero_point", SL_ROLE_ZERO_POINT},
    {"zeropoint", SL_ROLE_ZERO_POINT},
    {"zp", SL_ROLE_ZERO_POINT},
    {"redshift", SL_ROLE_REDSHIFT},
    {"hostgal_photoz", SL_ROLE_REDSHIFT},
    {"redshift_err", SL_ROLE_REDSHIFT_ERROR},
    {"redshift_error", SL_ROLE_REDSHIFT_ERROR},
    {"hostgal_photoz_err", SL_ROLE_REDSHIFT_ERROR},
};

char sl_separator_guess(const char *line, size_t len)
{
    static const char candidates[] = {',', '\t', ';'};
    size_t most = 0;
    char best = ',';
    for (size_t k = 0; k < sizeof candidates; k++) {
        size_t count = 0;
        for (size_t i = 0; i < len; i++) count += line[i] == candidates[k];
        if (count > most) {
            most = count;
            best = candidates[k];
        }
    }
    return best;
}

size_t sl_columns_find(const sl_cell *cells, size_t n, sl_columns *out)
{
    size_t found = 0;
    *out = (sl_columns){.zero_point = 27.5};
    for (int role = 0; role < SL_N_ROLES; role++) out->at[role] = -1;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            if (strlen(names[k].name) != cells[i].len || strcasecmp(names[k].name, cells[i].ptr) != 0) continue;
            int *at = &out->at[names[k].role];
            if (*at >= 0) break; /* the first of two counts */
            *at = (int)i;
            found++;
            if (strcmp(names[k].name, "jd") == 0) out->time_is_jd = true;
            if (strcmp(names[k].name, "psfflux") == 0) out->zero_point = 31.4;
            break;
        }
    }
    /* A table with both is read by its fluxes. */
    if (out->at[SL_ROLE_FLUX] >= 0) out->at[SL_ROLE_MAG] = -1;
    return found;
}

sl_status sl_columns_check(const sl_columns *c, sl_error *err)
{
    const char *missing = NULL;
    if (c->at[SL_ROLE_OBJECT] < 0) {
        missing = "object (object_id, name, snid, ...)";
    } else if (c->at[SL_ROLE_TIME] < 0) {
        missing = "time (mjd, jd)";
    } else if (c->at[SL_ROLE_BAND] < 0) {
        missing = "band (band, passband, filter)";
    } else if (c->at[SL_ROLE_FLUX] < 0 && c->at[SL_ROLE_MAG] < 0) {
        missing = "flux or magnitude (flux, mag)";
    } else if (c->at[SL_ROLE_FLUX] >= 0 ? c->at[SL_ROLE_FLUX_ERROR] < 0 : c->at[SL_ROLE_MAG_ERROR] < 0) {
        missing = "error (flux_err, magerr)";
    }
    if (missing == NULL) return SL_OK;
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_BAD_TABLE, "no column for the %s", missing);
}

char sl_band_letter(const char *text, size_t len, bool digits)
{
    static const char letters[] = "ugrizy";
    static const char *const prefixes[] = {"ztf", "lsst"};
    if (len == 0) return '?';
    for (size_t k = 0; k < sizeof prefixes / sizeof prefixes[0]; k++) {
        const size_t n = strlen(prefixes[k]);
        if (len <= n || strncasecmp(text, prefixes[k], n) != 0) continue;
        const size_t more = n + (text[n] == '_' || text[n] == '-' || text[n] == ' ');
        text += more;
        len -= more;
        digits = false;
        break;
    }
    if (len != 1) return '?';
    if (digits && *text >= '0' && *text <= '5') return letters[*text - '0'];
    const char letter = *text == 'Y' ? 'y' : *text;
    return letter != '\0' && strchr(letters, letter) != NULL ? letter : '?';
}
