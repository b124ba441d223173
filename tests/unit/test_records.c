/* The text of numbers and names, and the records of the three sinks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/open_model.h"
#include "pipeline/sink.h"
#include "pipeline/text.h"
#include "unit.h"

static void check(sl_avro_out *out, const char *expected)
{
    sl_avro_put_raw(out, "", 1);
    assert_false(out->failed);
    assert_string_equal((const char *)out->bytes, expected);
    sl_avro_reset(out);
}

static void a_float_is_printed_as_briefly_as_it_can_be(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *text;
    } cases[] = {
        {0, "0"},           {1, "1"},           {0.1f, "0.1"},         {0.5f, "0.5"},         {1.0f / 3, "0.33333334"},
        {0.99999994f, "0.99999994"},            {1e-5f, "1e-05"},      {0.00012f, "0.00012"}, {1e-20f, "1e-20"},
        {1.5e-45f, "1.4013e-45"}, {1.17549435e-38f, "1.1754944e-38"},       {3.4028235e38f, "3.4028235e+38"},
        {-2.5f, "-2.5"},    {123456, "123456"}, {16777216, "16777216"}, {9.9999998e-6f, "1e-05"}, {100, "100"},
    };
    sl_avro_out out = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sl_text_put_float(&out, cases[i].value);
        if (i == 15) {
            sl_avro_put_raw(&out, "", 1); /* whichever of its neighbours 1e-5 is: it must read back */
            assert_true(strtof((const char *)out.bytes, NULL) == cases[i].value);
            sl_avro_reset(&out);
            continue;
        }
        check(&out, cases[i].text);
    }
    sl_avro_release(&out);
}

static void every_float_reads_back_as_itself_and_none_is_longer_than_need_be(void **state)
{
    (void)state;
    sl_rng rng;
    sl_rng_init(&rng, 11, 0);
    sl_avro_out out = {0};
    int longer = 0;
    for (int i = 0; i < 300000; i++) {
        uint32_t bits = (uint32_t)sl_rng_u64(&rng) & 0x7fffffff;
        if (i % 2 == 0) bits = 0x3f800000 - bits % 0x08000000; /* half of them between 1e-5 and 1 */
        float value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        sl_text_put_float(&out, value);
        sl_avro_put_raw(&out, "", 1);
        const char *text = (const char *)out.bytes;
        assert_true(strtof(text, NULL) == value);
        assert_true((float)strtod(text, NULL) == value);
        int digits = 0;
        for (const char *c = text; *c != '\0' && *c != 'e'; c++) digits += *c >= '0' && *c <= '9' && (digits > 0 || *c != '0');
        char shorter[32];
        snprintf(shorter, sizeof shorter, "%.*e", digits > 1 ? digits - 2 : 0, (double)value);
        longer += digits > 1 && value > 1.2e-38f && value < 1 && strtof(shorter, NULL) == value;
        sl_avro_reset(&out);
    }
    assert_int_equal(longer, 0);
    sl_avro_release(&out);
}

static void names_are_escaped(void **state)
{
    (void)state;
    sl_avro_out out = {0};
    sl_text_put_json(&out, (sl_str){"a\"b\\c\n\0\x7f", 8});
    check(&out, "\"a\\\"b\\\\c\\u000a\\u0000\\u007f\"");
    sl_text_put_json(&out, sl_text_of("\xc3\xa9 \xf0\x9f\x94\xad"));
    check(&out, "\"\xc3\xa9 \xf0\x9f\x94\xad\"");
    /* a stray byte, an overlong slash, a surrogate, beyond the last plane, cut off */
    sl_text_put_json(&out, sl_text_of("\x80|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82"));
#define R "\xef\xbf\xbd"
    check(&out, "\"" R "|" R R "|" R R R "|" R R R R "|" R R "\"");
    sl_text_put_json_or_null(&out, (sl_str){0});
    check(&out, "null");
    sl_text_put_csv(&out, sl_text_of("plain"));
    check(&out, "plain");
    sl_text_put_csv(&out, sl_text_of("a,b"));
    check(&out, "\"a,b\"");
    sl_text_put_csv(&out, sl_text_of("say \"x\"\n\xff"));
    check(&out, "\"say \"\"x\"\"\n" R "\"");
    sl_text_put_csv(&out, (sl_str){"\0", 1});
    check(&out, R);
#undef R
    sl_text_put_u64(&out, UINT64_MAX);
    sl_text_put_u64(&out, 0);
    check(&out, "184467440737095516150");
    sl_avro_release(&out);
}

static sl_model model = {.id = "00ff00ff00ff00ff"};

static sl_sink sink_of(const sl_sink_form *form)
{
    sl_contract *contract = &model.parts.contract;
    sl_error err;
    assert_ok(sl_contract_preset("starling", contract, &err), &err);
    contract->n_classes = 3;
    strcpy(contract->classes[1].name, "a,\"b\"");
    contract->classes[2].elasticc_id = 0;
    return (sl_sink){.form = form, .contract = contract, .ingest_time_ms = 5};
}

static const float p[3] = {0.25f, 0.5f, 0.25f};
static const sl_result classified = {.model = &model, .outcome = SL_CLASSIFIED, .n_records = 1,
                                     .alert_id = {"9007199254740993", 16}, .object_id = {"ZTF,1", 5}, .alert_number = 7, .source_number = 8, .publish_time_ms = 9,
                                     .best = 1, .n_classes = 3, .p = p, .n_points = 12, .bands = 3};
static const sl_result refused = {.model = &model, .outcome = SL_REFUSED, .reason = SL_REASON_TOO_FEW_BANDS,
                                  .n_records = 1, .object_id = {"x", 1}, .best = -1, .n_classes = 3, .n_points = 2, .bands = 2};
static const sl_result quarantined = {.model = &model, .outcome = SL_QUARANTINED, .reason = SL_REASON_TRUNCATED,
                                      .n_records = 1, .best = -1};

static void a_json_record_is_a_line_with_the_columns_of_the_manual(void **state)
{
    (void)state;
    const sl_sink sink = sink_of(&sl_sink_jsonl);
    sl_avro_out out = {0};
    sink.form->record(&sink, &classified, &out);
    check(&out, "{\"alert_id\": \"9007199254740993\", \"object_id\": \"ZTF,1\", \"class\": \"a,\\\"b\\\"\", "
                "\"p\": {\"mu-Lens-Single\": 0.25, \"a,\\\"b\\\"\": 0.5, \"EB\": 0.25}, \"points\": 12, "
                "\"bands\": \"gr\", \"model\": \"00ff00ff00ff00ff\", \"reason\": null}\n");
    sink.form->record(&sink, &refused, &out);
    check(&out, "{\"alert_id\": null, \"object_id\": \"x\", \"class\": null, \"p\": null, \"points\": 2, "
                "\"bands\": \"r\", \"model\": \"00ff00ff00ff00ff\", \"reason\": \"too_few_bands\"}\n");
    sl_avro_release(&out);
}

static void a_csv_record_has_a_cell_for_each_column_of_the_header(void **state)
{
    (void)state;
    const sl_sink sink = sink_of(&sl_sink_csv);
    sl_avro_out out = {0};
    sl_error err;
    assert_ok(sink.form->begin(&sink, &out, &err), &err);
    check(&out, "alert_id,object_id,class,p_mu-Lens-Single,\"p_a,\"\"b\"\"\",p_EB,points,bands,model,reason\n");
    sink.form->record(&sink, &classified, &out);
    check(&out, "9007199254740993,\"ZTF,1\",\"a,\"\"b\"\"\",0.25,0.5,0.25,12,gr,00ff00ff00ff00ff,\n");
    sink.form->record(&sink, &quarantined, &out);
    check(&out, ",,,,,,0,,00ff00ff00ff00ff,truncated\n");
    sl_avro_release(&out);
}

static void novelty_stands_at_the_end_where_a_model_tells_it(void **state)
{
    (void)state;
    sl_result novel = classified, unknown = refused;
    novel.novelty = 0.75f;
    unknown.novelty = NAN;
    sl_avro_out out = {0};
    sl_error err;
    sl_sink sink = sink_of(&sl_sink_jsonl);
    sink.has_novelty = true;
    sink.form->record(&sink, &novel, &out);
    sl_avro_put_raw(&out, "", 1);
    assert_non_null(strstr((const char *)out.bytes, ", \"reason\": null, \"novelty\": 0.75}\n"));
    sl_avro_reset(&out);
    sink.form->record(&sink, &unknown, &out);
    sl_avro_put_raw(&out, "", 1);
    assert_non_null(strstr((const char *)out.bytes, ", \"reason\": \"too_few_bands\", \"novelty\": null}\n"));
    sl_avro_reset(&out);
    sink = sink_of(&sl_sink_csv);
    sink.has_novelty = true;
    assert_ok(sink.form->begin(&sink, &out, &err), &err);
    check(&out, "alert_id,object_id,class,p_mu-Lens-Single,\"p_a,\"\"b\"\"\",p_EB,points,bands,model,reason,novelty\n");
    sink.form->record(&sink, &novel, &out);
    check(&out, "9007199254740993,\"ZTF,1\",\"a,\"\"b\"\"\",0.25,0.5,0.25,12,gr,00ff00ff00ff00ff,,0.75\n");
    sink.form->record(&sink, &unknown, &out);
    check(&out, ",x,,,,,2,r,00ff00ff00ff00ff,too_few_bands,\n");
    sl_avro_release(&out);
}

static void an_avro_record_sums_to_one_with_its_residual(void **state)
{
    (void)state;
    const sl_sink sink = sink_of(&sl_sink_avro);
    sl_avro_out out = {0}, expected = {0}, tail = {0};
    sink.form->record(&sink, &classified, &out);
    const int64_t numbers[] = {7, 8, 9, 1, 5};
    for (int i = 0; i < 5; i++) sl_avro_put_long(&expected, numbers[i]);
    sl_avro_put_text(&expected, "starling");
    sl_avro_put_text(&expected, sl_version());
    sl_avro_put_text(&expected, "starling");
    sl_avro_put_text(&expected, "00ff00ff00ff00ff");
    sl_avro_put_block(&expected, 3);
    sl_avro_put_long(&expected, 2235);
    sl_avro_put_float(&expected, 0.25f);
    sl_avro_put_long(&expected, 2243);
    sl_avro_put_float(&expected, 0.5f);
    sl_avro_put_long(&expected, 200);
    sl_avro_put_float(&expected, 0.25f);
    sl_avro_put_end(&expected);
    assert_int_equal(out.len, expected.len);
    assert_memory_equal(out.bytes, expected.bytes, out.len);
    sl_avro_reset(&out);
    sink.form->record(&sink, &refused, &out);
    sl_avro_put_block(&tail, 1);
    sl_avro_put_long(&tail, 300);
    sl_avro_put_float(&tail, 1);
    sl_avro_put_end(&tail);
    assert_memory_equal(out.bytes + out.len - tail.len, tail.bytes, tail.len);
    sl_avro_release(&out);
    sl_avro_release(&expected);
    sl_avro_release(&tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_float_is_printed_as_briefly_as_it_can_be),
        cmocka_unit_test(every_float_reads_back_as_itself_and_none_is_longer_than_need_be),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(a_json_record_is_a_line_with_the_columns_of_the_manual),
        cmocka_unit_test(a_csv_record_has_a_cell_for_each_column_of_the_header),
        cmocka_unit_test(novelty_stands_at_the_end_where_a_model_tells_it),
        cmocka_unit_test(an_avro_record_sums_to_one_with_its_residual),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
