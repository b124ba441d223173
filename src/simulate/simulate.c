#include "starling/simulate.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "simulate/history.h"
#include "simulate/hostile.h"
#include "schema/lsst_alert.h"
#include "simulate/packet.h"
#include "simulate/stamps.h"
#include "simulate/ustar.h"
#include "schema/ztf_alert.h"

enum { MAX_ALERTS = 1 << 24, MAX_POINTS = 100000, BLOCK_BYTES = 1 << 20 };

static const char *const kind_names[SL_SIMULATE_N_KINDS] = {
    [SL_SIMULATE_SNIA] = "SNIa",   [SL_SIMULATE_SNII] = "SNII",       [SL_SIMULATE_KN] = "KN",
    [SL_SIMULATE_TDE] = "TDE",     [SL_SIMULATE_SLSN] = "SLSN-I",     [SL_SIMULATE_RRL] = "RRL",
    [SL_SIMULATE_EB] = "EB",       [SL_SIMULATE_MIRA] = "Mira",       [SL_SIMULATE_AGN] = "AGN",
    [SL_SIMULATE_MDWARF] = "M-dwarf", [SL_SIMULATE_MULENS] = "mu-Lens-Single",
};

/* Two surveys, one way through: what differs between them. */
typedef struct survey {
    const char *schema;
    size_t n_schema;
    const char *schema_file; /* of the container that brings the schema */
    void (*name)(sl_packet_names *names, const sl_history *history, uint64_t seed);
    void (*put)(sl_avro_out *out, const sl_history *history, const sl_packet_names *names, const sl_stamp_set *stamps,
                bool endless, sl_rng *rng);
} survey;

static const survey surveys[] = {
    [SL_SIMULATE_ZTF] = {sl_ztf_schema, SL_ZTF_SCHEMA_LENGTH, "ztf.avro", sl_packet_name_ztf, sl_packet_put_ztf},
    [SL_SIMULATE_LSST] = {sl_lsst_schema, SL_LSST_SCHEMA_LENGTH, "lsst.v10_0.avro", sl_packet_name_lsst,
                          sl_packet_put_lsst},
};

/* A night on its way out. */
typedef struct night {
    const sl_simulate_options *options;
    const survey *survey;
    FILE *out, *truth;
    sl_simulate_counts *counts;
    sl_stamps stamps;
    sl_history history;
    sl_wrapping wrapping;
    sl_avro_out header, record, packet;
    int64_t n_in_block; /* records waiting in `record`, of the one container */
} night;

void sl_simulate_defaults(sl_simulate_options *options)
{
    *options = (sl_simulate_options){.n_alerts = 1000, .seed = 1, .cutouts = true};
}

sl_str sl_simulate_schema(sl_simulate_survey which)
{
    return which == SL_SIMULATE_LSST ? (sl_str){sl_lsst_schema, SL_LSST_SCHEMA_LENGTH}
                                     : (sl_str){sl_ztf_schema, SL_ZTF_SCHEMA_LENGTH};
}

const char *sl_simulate_kind_name(sl_simulate_kind kind)
{
    return (unsigned)kind < SL_SIMULATE_N_KINDS ? kind_names[kind] : "?";
}

static sl_status written(night *n, bool well, size_t n_bytes, sl_error *err)
{
    if (!well) return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot write the night: %s", strerror(errno));
    n->counts->n_bytes += n_bytes;
    return SL_OK;
}

static sl_status write_entry(night *n, const char *name, const sl_avro_out *bytes, sl_error *err)
{
    return written(n, sl_ustar_put(n->out, name, bytes->bytes, bytes->len), sl_ustar_size(bytes->len), err);
}

/* The records that wait, as one block of the container. */
static sl_status flush_block(night *n, sl_error *err)
{
    if (n->n_in_block == 0) return SL_OK;
    if (n->record.failed) return SL_FAIL_NOMEM(err);
    sl_avro_reset(&n->packet);
    SL_TRY(sl_avro_put_container_block(&n->packet, SL_AVRO_NULL, n->wrapping.sync, n->n_in_block, n->record.bytes,
                                       n->record.len, err));
    const size_t n_bytes = n->packet.len;
    SL_TRY(written(n, fwrite(n->packet.bytes, 1, n_bytes, n->out) == n_bytes, n_bytes, err));
    sl_avro_reset(&n->record);
    n->n_in_block = 0;
    return SL_OK;
}

static sl_status write_truth(night *n, const sl_packet_names *names, sl_error *err)
{
    if (n->truth == NULL) return SL_OK;
    const int sent = fprintf(n->truth, "%lld,%s,%s,%s\n", (long long)names->alert, names->object,
                             kind_names[n->history.kind], sl_simulate_fault_name(n->history.fault));
    return sent > 0 ? SL_OK
                    : SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot write the truth: %s", strerror(errno));
}

static sl_status write_alert(night *n, uint64_t index, sl_error *err)
{
    const sl_simulate_options *options = n->options;
    sl_history *h = &n->history;
    sl_packet_names names;
    sl_rng rng, hostile;
    sl_rng_init(&rng, options->seed, 2 * index);
    sl_rng_init(&hostile, options->seed, 2 * index + 1); /* apart, so that sound alerts stay the same at any share */
    sl_history_draw(h, options, index, &rng);
    n->survey->name(&names, h, options->seed);
    if (sl_rng_uniform(&hostile) < options->hostile_share) {
        sl_history_spoil(h, sl_hostile_draw(options->form, &hostile), &hostile);
    }
    const sl_endless endless = n->wrapping.framed ? SL_ENDLESS_ARRAY : (sl_endless)sl_rng_below(&hostile, SL_N_ENDLESS);
    const sl_stamp_set *stamps = n->stamps.n_sets > 0 ? &n->stamps.sets[index % n->stamps.n_sets] : NULL;
    const bool whole_night = options->form == SL_SIMULATE_CONTAINER;
    if (!whole_night) sl_avro_reset(&n->record);
    n->survey->put(&n->record, h, &names, stamps, h->fault == SL_FAULT_ENDLESS && endless == SL_ENDLESS_ARRAY, &rng);
    if (n->record.failed) return SL_FAIL_NOMEM(err);
    if (whole_night) {
        n->n_in_block++;
        if (n->record.len >= BLOCK_BYTES) SL_TRY(flush_block(n, err));
    } else {
        char file[40];
        snprintf(file, sizeof file, "%lld.%s", (long long)names.alert, n->wrapping.framed ? "msg" : "avro");
        SL_TRY(sl_hostile_wrap(&n->packet, &n->wrapping, &n->record, h->fault, endless, &hostile, err));
        SL_TRY(write_entry(n, file, &n->packet, err));
    }
    n->counts->n_alerts++;
    n->counts->kind[h->kind]++;
    n->counts->fault[h->fault]++;
    return write_truth(n, &names, err);
}

static sl_status write_all(night *n, sl_error *err)
{
    const sl_simulate_form form = n->options->form;
    if (n->truth != NULL && fputs("alert_id,object_id,kind,fault\n", n->truth) < 0) {
        return SL_FAIL(err, SL_ERR_IO, SL_REASON_NONE, "cannot write the truth: %s", strerror(errno));
    }
    if (form == SL_SIMULATE_FRAMED_TAR) SL_TRY(write_entry(n, n->survey->schema_file, &n->header, err));
    if (form == SL_SIMULATE_CONTAINER) {
        const size_t n_header = n->header.len;
        SL_TRY(written(n, fwrite(n->header.bytes, 1, n_header, n->out) == n_header, n_header, err));
    }
    for (uint64_t k = 0; k < n->options->n_alerts; k++) SL_TRY(write_alert(n, k, err));
    if (form == SL_SIMULATE_CONTAINER) SL_TRY(flush_block(n, err));
    else SL_TRY(written(n, sl_ustar_end(n->out), (size_t)2 * SL_USTAR_BLOCK, err));
    return written(n, fflush(n->out) == 0 && (n->truth == NULL || fflush(n->truth) == 0), 0, err);
}

static sl_status check_options(const sl_simulate_options *o, sl_error *err)
{
    SL_REQUIRE((unsigned)o->survey <= SL_SIMULATE_LSST, err);
    SL_REQUIRE((unsigned)o->form <= SL_SIMULATE_FRAMED_TAR, err);
    SL_REQUIRE(o->form != SL_SIMULATE_FRAMED_TAR || o->survey == SL_SIMULATE_LSST, err);
    SL_REQUIRE(o->n_alerts <= MAX_ALERTS, err);
    SL_REQUIRE(o->hostile_share >= 0 && o->hostile_share <= 1, err);
    SL_REQUIRE(o->min_points <= MAX_POINTS && o->max_points <= MAX_POINTS, err);
    SL_REQUIRE(o->max_points == 0 || o->min_points <= o->max_points, err);
    return SL_OK;
}

sl_status sl_simulate_write_truth(const sl_simulate_options *options, FILE *out, FILE *truth,
                                  sl_simulate_counts *counts, sl_error *err)
{
    sl_simulate_counts own;
    if (counts == NULL) counts = &own;
    *counts = (sl_simulate_counts){0};
    SL_REQUIRE(options != NULL && out != NULL, err);
    SL_TRY(check_options(options, err));
    night n = {.options = options, .survey = &surveys[options->survey], .out = out, .truth = truth, .counts = counts};
    n.wrapping.framed = options->form == SL_SIMULATE_FRAMED_TAR;
    n.wrapping.schema_id = SL_LSST_SCHEMA_ID;
    sl_rng rng;
    sl_rng_init(&rng, options->seed, UINT64_MAX / 2);
    for (int k = 0; k < SL_AVRO_SYNC; k++) n.wrapping.sync[k] = (unsigned char)sl_rng_u64(&rng);

    sl_status status = sl_stamps_init(&n.stamps, options, err);
    if (status != SL_OK) goto out;
    status = sl_history_init(&n.history, options, err);
    if (status != SL_OK) goto out;
    status = sl_avro_put_header(&n.header, n.survey->schema, n.survey->n_schema, SL_AVRO_NULL, n.wrapping.sync, err);
    if (status != SL_OK) goto out;
    n.wrapping.header = (sl_str){(const char *)n.header.bytes, n.header.len};
    status = write_all(&n, err);
out:
    sl_stamps_release(&n.stamps);
    sl_history_release(&n.history);
    sl_avro_release(&n.header);
    sl_avro_release(&n.record);
    sl_avro_release(&n.packet);
    return status;
}

sl_status sl_simulate_write(const sl_simulate_options *options, FILE *out, sl_error *err)
{
    return sl_simulate_write_truth(options, out, NULL, NULL, err);
}
