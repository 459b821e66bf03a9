/*
 * What the C side says and takes of the messages in lib/proto/messages.json, for tests/integration/messages.test.mjs.
 *   messages emit     one message a line, made by the code that makes them in the daemon, from what devices and users can make
 *                     them say at the limits and beyond
 *   messages check    reads one message a line; answers `ok`, or `refused FIELD`
 *   messages verbs    the table of verbs as JSON
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/core/control/control_msg.h"
#include "host/core/core.h"
#include "host/core/state/bus.h"
#include "host/core/state/samples.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/thread.h"

static void say(json_t *message_take)
{
        g_autofree char *text = tb_json_text(message_take, NULL);
        puts(text);
        json_decref(message_take);
}

/* --- emit --- */
static void emit_event(const TbEvent *event, gpointer user G_GNUC_UNUSED)
{
        say(tb_event_message(event));
        say(tb_event_json(event));
}

static void emit_sample(TbSamples *samples, TbBus *bus, const char *device, const char *interface,
                        const TbSample *sample)
{
        json_t *data = tb_samples_add(samples, sample);
        if (!data)
                return;
        json_object_set_new(data, "stream", json_string(sample->stream));
        tb_bus_publish_transient(bus, "sample", device, interface, data);
}

static void emit_samples(TbBus *bus)
{
        TbSamples *samples = tb_samples_new();
        g_autofree char *name = g_strnfill(TB_LIMIT_ID, 'z'), *over = g_strnfill(TB_LIMIT_ID + 1, 'z');
        g_autofree char *big = g_strnfill(70000, 'u');
        const char *units[] = {"",
                               "W",
                               "\xc2\xb5V",
                               "parts-per-million-by-volume",
                               big,
                               "\xff\xfe",
                               "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                               "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
                               NULL,
                               "line\nbreak \"quoted\"",
                               "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"};
        const double values[] = {0,     -0.0,   1.5,      1e308,     -1e308, 5e-324,
                                 1e-17, 1 / 3., INFINITY, -INFINITY, NAN};
        const gint64 times[] = {0, 1, 1700000000000, -1, TB_LIMIT_JSON_INT, G_MAXINT64, G_MININT64};
        const char *streams[] = {"a", "_private", ".", "power.watts", name, over, "", "a b", "a/b", "\xff"};
        for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
                emit_sample(samples, bus, "board", "sensors",
                            &(TbSample){.stream = "s", .unit = units[i], .quantity = units[i], .value = 1});
        for (gsize i = 0; i < G_N_ELEMENTS(values); i++)
                emit_sample(samples, bus, name, name, &(TbSample){.stream = "v", .value = values[i]});
        for (gsize i = 0; i < G_N_ELEMENTS(times); i++)
                emit_sample(samples, bus, "d", "i", &(TbSample){.stream = "t", .t_ms = times[i], .value = 2});
        for (gsize i = 0; i < G_N_ELEMENTS(streams); i++)
                emit_sample(samples, bus, "d", "i", &(TbSample){.stream = streams[i], .value = 3});
        tb_samples_free(samples);
}

static void emit_events(TbBus *bus)
{
        g_autofree char *name = g_strnfill(TB_LIMIT_ID, 'z'), *over = g_strnfill(TB_LIMIT_ID + 1, 'z');
        g_autofree char *big = g_strnfill(65535, 'x');
        const char *types[] = {"x",     "power.state", "machine.guest_panicked",
                               name,    over,          "",
                               "Event", "a b",         "a..b",
                               ".",     "a.",          "event",
                               "\xff"};
        for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
                tb_bus_publish(bus, types[i], i % 2 ? "board" : NULL, i % 3 ? "power" : NULL, NULL);
                tb_bus_publish(bus, types[i], name, name, json_pack("{s:s}", "text", big));
                tb_bus_publish_transient(bus, types[i], "d", NULL, json_pack("[s,i]", "an array", 1));
        }
}

static void emit_results(void)
{
        g_autofree char *big = g_strnfill(70000, 'e');
        const char *texts[] = {"", "it failed", big, "\xff\xfe not UTF-8", "tab\there"};
        say(tb_control_result(1, NULL, NULL, NULL));
        say(tb_control_result(TB_LIMIT_JSON_INT, NULL, NULL, NULL));
        for (int code = 0; code < TB_ERROR_CODES; code++) {
                for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
                        g_autoptr(GError) error = NULL;
                        tb_error_set_field(&error, (TbErrorCode)code, texts[i], "%s", texts[i]);
                        say(tb_control_result(7, NULL, error, NULL));
                        say(tb_control_refusal(error));
                }
        }
}

static int emit(void)
{
        tb_main_init(NULL);
        TbBus *bus = tb_bus_new();
        tb_bus_subscribe(bus, emit_event, NULL);
        emit_samples(bus);
        emit_events(bus);
        emit_results();
        tb_bus_free(bus);
        return 0;
}

/* --- check --- */
/* Parameters that the control protocol leaves to the verb, as tb_core_command() checks them. */
static bool params_ok(const TbControlMessage *m, GError **error)
{
        const char *dot = strrchr(m->verb, '.');
        g_autofree char *kind = g_strndup(m->verb, (gsize)(dot - m->verb));
        for (const TbVerb *v = tb_core_verbs(); v->op; v++) {
                if (!v->params || strcmp(dot + 1, v->op) != 0 || strcmp(tb_verb_noun(v), kind) != 0)
                        continue;
                json_t *valid = tb_params_validate(v->params, m->params, error);
                json_decref(valid);
                return valid != NULL;
        }
        return true;
}

static int check(void)
{
        char *line = NULL;
        size_t room = 0;
        for (ssize_t n; (n = getline(&line, &room, stdin)) > 0;) {
                g_auto(TbControlMessage) m = {0};
                g_autoptr(GError) error = NULL;
                bool ok = tb_control_parse(line, (gsize)n - 1, &m, &error);
                if (ok && m.kind == TB_CONTROL_COMMAND)
                        ok = params_ok(&m, &error);
                if (ok)
                        g_print("ok\n");
                else
                        g_print("refused %s\n", tb_error_field(error) ? tb_error_field(error) : "-");
        }
        free(line);
        return 0;
}

/* --- verbs --- */
static int verbs(void)
{
        json_t *all = json_array();
        for (const TbVerb *v = tb_core_verbs(); v->op; v++)
                json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:o, s:s?, s:s?}",
                                                     "kind", tb_verb_noun(v), "op", v->op, "summary",
                                                     v->summary ? v->summary : "", "role",
                                                     tb_role_name(v->role), "timeout_ms", v->timeout_ms,
                                                     "control", v->flags & TB_VERB_CONTROL, "params",
                                                     v->params ? tb_params_describe(v->params) : json_array(),
                                                     "method", v->method, "path", v->path));
        say(all);
        return 0;
}

int main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "emit") == 0)
                return emit();
        if (argc == 2 && strcmp(argv[1], "check") == 0)
                return check();
        if (argc == 2 && strcmp(argv[1], "verbs") == 0)
                return verbs();
        g_printerr("usage: %s emit|check|verbs\n", argv[0]);
        return 2;
}
