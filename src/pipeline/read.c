/* Looking at what is in any input, without a model. */
#include "base/error.h"
#include "pipeline/reader.h"
#include "pipeline/records.h"
#include "starling/pipeline.h"

enum { N_ITEMS = 4, FRAME = 5 };

typedef struct look {
    sl_alert_decoder *decoder;
    const sl_work *work;
    const sl_packet *packet; /* that `of_packet` tells of */
    sl_read_item of_packet;
    sl_read_fn fn;
    void *user;
    sl_error *err;
} look;

static const char *const input_names[] = {
    [SL_INPUT_UNKNOWN] = "unknown",
    [SL_INPUT_EMPTY] = "empty",
    [SL_INPUT_CONTAINER] = "Avro container",
    [SL_INPUT_FRAMED] = "framed message",
    [SL_INPUT_CSV] = "CSV",
    [SL_INPUT_FITS] = "SNANA FITS",
    [SL_INPUT_ARCHIVE] = "archive",
};
_Static_assert(sizeof input_names / sizeof input_names[0] == SL_N_INPUTS, "an input has no name");

const char *sl_input_name(sl_input input)
{
    return (unsigned)input < SL_N_INPUTS ? input_names[input] : input_names[SL_INPUT_UNKNOWN];
}

/* Codec and schema, as far as the bytes have a header that can be read. */
static sl_status look_at_container(look *l, const unsigned char *bytes, size_t n_bytes)
{
    sl_container_header header;
    size_t used;
    if (sl_container_read_header(&header, bytes, n_bytes, &used, NULL) < 0) return SL_OK;
    const char *name;
    SL_TRY(sl_alert_decoder_schema_name(l->decoder, &header, &name, l->err));
    l->of_packet.codec = sl_avro_codec_name(header.codec);
    l->of_packet.schema_name = name[0] != '\0' ? name : NULL;
    return SL_OK;
}

/* What all records of a packet have in common. */
static sl_status look_at_packet(look *l, const sl_packet *packet)
{
    const char *names = (const char *)l->work->names.ptr, *entry = names + packet->entry;
    const unsigned char *bytes = l->work->bytes.ptr + packet->at;
    l->packet = packet;
    l->of_packet = (sl_read_item){
        .path = names + packet->path,
        .entry = entry[0] != '\0' ? entry : NULL,
        .input = packet->input,
        .schema_id = -1,
    };
    if (packet->input == SL_INPUT_CONTAINER) return look_at_container(l, bytes, packet->n_bytes);
    if (packet->input == SL_INPUT_FRAMED && packet->n_bytes >= FRAME) {
        l->of_packet.schema_id = (int64_t)sl_alert_frame_id(bytes);
    }
    return SL_OK;
}

static sl_status on_record(void *user, const sl_record *record)
{
    look *l = user;
    if (record->packet != l->packet) SL_TRY(look_at_packet(l, record->packet));
    sl_read_item item = l->of_packet;
    item.record = record->number;
    item.n_records = record->n;
    item.alert = record->alert;
    item.reason = record->reason;
    item.message = record->message;
    item.object_id = record->alert != NULL ? record->alert->object_id : record->object_id;
    const sl_status answer = l->fn(l->user, &item);
    return answer < 0 ? SL_FAIL(l->err, answer, SL_REASON_NONE, "stopped by the caller") : answer;
}

/* Look at what comes along the line. Whatever ends it early is told to the line, for the reader's sake. */
static void look_at_all(look *l, sl_line *line)
{
    sl_error err = {0};
    l->err = &err;
    for (sl_work *work; (work = sl_line_next(line)) != NULL;) {
        l->work = work;
        l->packet = NULL;
        const sl_status status = sl_work_records(work, l->decoder, on_record, l, &err);
        if (status != SL_OK) sl_line_stop(line, status, &err);
        sl_line_give_back(line, work);
    }
}

static sl_status read_through(look *l, const char *const *paths, size_t n_paths, sl_error *err)
{
    sl_line line;
    sl_reader reader;
    SL_TRY(sl_line_init(&line, N_ITEMS, err));
    sl_status status = sl_reader_start(&reader, &line, paths, n_paths, err);
    if (status == SL_OK) {
        look_at_all(l, &line);
        sl_reader_join(&reader);
        status = line.status;
        if (status < 0 && err != NULL) *err = line.error;
    }
    sl_line_release(&line);
    return status < 0 ? status : SL_OK;
}

sl_status sl_alerts_read(const char *const *paths, size_t n_paths, const char *schema_folder, sl_read_fn fn, void *user,
                         sl_error *err)
{
    SL_REQUIRE((paths != NULL || n_paths == 0) && fn != NULL, err);
    uint64_t total;
    SL_TRY(sl_reader_check(paths, n_paths, false, &total, err));
    look l = {.fn = fn, .user = user};
    SL_TRY(sl_alert_decoder_new(&l.decoder, err));
    sl_status status = SL_OK;
    if (schema_folder != NULL) status = sl_alert_decoder_load_schemas(l.decoder, schema_folder, err);
    if (status == SL_OK) status = read_through(&l, paths, n_paths, err);
    sl_alert_decoder_free(l.decoder);
    return status;
}
