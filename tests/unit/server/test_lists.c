#include "server/pairing/device_list.h"
#include "server/pairing/pairing.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "tests/unit/server/pairing_rig.h"

/* --- one host's list --- */
static json_t *device_of(gsize size)
{
        g_autofree char *label = g_strnfill(size, 'x');
        return json_pack("{s:s, s:s}", "id", "d", "label", label);
}

static TbErrorCode code_of(json_t *list_take)
{
        g_autoptr(GError) error = NULL;
        TbDeviceList *list = tb_device_list_new(list_take, &error);
        json_decref(list_take);
        g_assert_true((list == NULL) == (error != NULL));
        tb_device_list_free(list);
        return error ? (TbErrorCode)error->code : (TbErrorCode)-1;
}

#define GOOD ((TbErrorCode)-1)

static void test_fields(void)
{
        json_auto_t *said =
                json_pack("[{s:s, s:s, s:s, s:[{s:s, s:s, s:s, s:s}], s:[s]}, {s:s}]", "id", "board", "label",
                          "a\n\u202e\"b\"\u2028", "state", "ready", "interfaces", "name", "power", "kind",
                          "power", "state", "ready", "extra", "gone", "junk", "gone", "id", "bare");
        g_autoptr(GError) error = NULL;
        TbDeviceList *list = tb_device_list_new(said, &error);
        g_assert_no_error(error);
        g_autoptr(GString) text = g_string_new("");
        tb_device_list_append(list, "lab-1", &(TbSight){NULL, TB_ROLE_ADMIN}, text);
        g_assert_cmpstr(text->str, ==,
                        "[{\"id\":\"board\",\"label\":\"a \\\"b\\\"\",\"state\":\"ready\",\"interfaces\":[{"
                        "\"name\":\"power\",\"kind\":\"power\",\"state\":\"ready\"}]},{\"id\":\"bare\"}]");
        g_assert_cmpuint(tb_device_list_size(list), ==, text->len);
        g_assert_cmpuint(tb_device_list_count(list), ==, 2);
        g_assert_true(tb_device_list_has(list, "bare"));
        g_assert_false(tb_device_list_has(list, "junk"));
        g_string_truncate(text, 0);
        tb_device_list_append_of_host(list, "lab-1", true, &(TbSight){NULL, TB_ROLE_ADMIN}, text);
        g_assert_true(g_str_has_suffix(
                text->str,
                ",{\"id\":\"lab-1/bare\",\"host\":\"lab-1\",\"device\":\"bare\",\"online\":true},"));
        tb_device_list_free(list);
}

static void test_bounds(void)
{
        g_autofree char *long_id = g_strnfill(TB_LIMIT_ID + 1, 'a');
        g_assert_cmpint(code_of(json_pack("[o]", device_of(TB_LIMIT_LABEL))), ==, GOOD);
        g_assert_cmpint(code_of(json_pack("[o]", device_of(TB_LIMIT_LABEL + 1))), ==, TB_ERROR_INVALID);
        for (guint extra = 0; extra < 2; extra++) {
                TbErrorCode expected = extra ? TB_ERROR_INVALID : GOOD;
                json_t *interfaces = json_array();
                for (guint i = 0; i < TB_LIMIT_INTERFACES + extra; i++)
                        json_array_append_new(interfaces, json_pack("{s:s}", "name", "uart"));
                g_assert_cmpint(code_of(json_pack("[{s:s, s:o}]", "id", "d", "interfaces", interfaces)), ==,
                                expected);
                g_assert_cmpint(code_of(json_pack("[{s:s, s:s}]", "id", "d", "state", long_id + 1 - extra)),
                                ==, expected);
                g_assert_cmpint(code_of(json_pack("[{s:s, s:[{s:s, s:s}]}]", "id", "d", "interfaces", "name",
                                                  "uart", "kind", long_id + 1 - extra)),
                                ==, expected);
                g_assert_cmpint(code_of(json_pack("[{s:s, s:[{s:s}]}]", "id", "d", "interfaces", "name",
                                                  long_id + 1 - extra)),
                                ==, expected);
        }
        g_assert_cmpint(code_of(json_pack("[{s:s, s:i}]", "id", "d", "label", 7)), ==, TB_ERROR_INVALID);
        g_assert_cmpint(code_of(json_pack("[{s:s, s:{}}]", "id", "d", "interfaces")), ==, TB_ERROR_INVALID);
        g_assert_cmpint(code_of(json_pack("[{s:s, s:[i]}]", "id", "d", "interfaces", 1)), ==,
                        TB_ERROR_INVALID);
        g_assert_cmpint(code_of(json_pack("[i]", 1)), ==, TB_ERROR_INVALID);
        g_assert_cmpint(code_of(json_object()), ==, TB_ERROR_INVALID);
}

/* TB_LIMIT_DEVICES devices whose list has `size` bytes: a label each, and interfaces with long names, since a sanitizer's
 * time goes by the pieces. */
static json_t *list_of_size(gsize size)
{
        json_t *list = json_array();
        gsize left = size - 1;
        g_autofree char *name = g_strnfill(TB_LIMIT_ID - 8, 'u');
        const gsize empty = strlen("{\"id\":\"d000\",\"label\":\"\",\"interfaces\":[]},"),
                    each = strlen("{\"name\":\"\",\"kind\":\"\",\"state\":\"\"},") + 3 * strlen(name);
        G_STATIC_ASSERT(3 * TB_LIMIT_ID + 7 <= TB_LIMIT_LABEL); /* `each`: the label takes what is left */
        for (guint i = 0; i < TB_LIMIT_DEVICES; i++) {
                g_autofree char *id = g_strdup_printf("d%03u", i);
                gsize share = left / (TB_LIMIT_DEVICES - i), states = 0;
                json_t *interfaces = json_array();
                while (share - empty - states > TB_LIMIT_LABEL) {
                        json_array_append_new(interfaces, json_pack("{s:s, s:s, s:s}", "name", name, "kind",
                                                                    name, "state", name));
                        states += json_array_size(interfaces) == 1 ? each - 1 : each;
                }
                g_autofree char *label = g_strnfill(share - empty - states, 'x');
                json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "id", id, "label", label,
                                                      "interfaces", interfaces));
                left -= share;
        }
        g_assert_cmpuint(json_dumpb(list, NULL, 0, JSON_COMPACT), ==, size);
        return list;
}

static void test_size(void)
{
        g_assert_cmpint(code_of(list_of_size(TB_LIMIT_DEVICE_LIST)), ==, GOOD);
        g_assert_cmpint(code_of(list_of_size(TB_LIMIT_DEVICE_LIST + 1)), ==, TB_ERROR_TOO_LARGE);
}

/* As many devices as a host may have, with the longest ids and labels: what a host falls back to finds room. */
static void test_largest_host(void)
{
        json_t *list = json_array();
        g_autofree char *label = g_strnfill(TB_LIMIT_LABEL, '"'); /* each is two bytes in JSON */
        for (guint i = 0; i < TB_LIMIT_DEVICES; i++) {
                g_autofree char *tail = g_strnfill(TB_LIMIT_ID - 3, 'a'),
                                *id = g_strdup_printf("%03u%s", i, tail);
                json_array_append_new(
                        list, json_pack("{s:s, s:s, s:s}", "id", id, "label", label, "state", "connecting"));
        }
        g_assert_cmpint(code_of(list), ==, GOOD);
}

/* --- the lists of all --- */
static const char *told(Line *line, const char *field)
{
        const char *text = text_of(last(line), field);
        return text ? text : "";
}

static void forget_said(Line *line)
{
        g_ptr_array_set_size(line->said, 0);
}

static Line *host_of(World *w, guint n)
{
        g_autofree char *name = g_strdup_printf("h%03u", n);
        Line *line = dial(w);
        tell(w, line, json_pack("{s:s, s:s, s:s}", "type", "hello", "role", "host", "host", name));
        forget_said(line);
        return line;
}

static void send_list(World *w, Line *host, json_t *list_take)
{
        forget_said(host);
        tell(w, host, json_pack("{s:s, s:o}", "type", "devices", "devices", list_take));
}

static json_t *list_of(World *w, TbList which)
{
        g_autoptr(GBytes) text = tb_pairing_list(w->pairing, which, NULL, w->now);
        json_t *list = tb_json_parse_kept(g_bytes_get_data(text, NULL), g_bytes_get_size(text), NULL);
        g_assert_true(json_is_array(list));
        return list;
}

/* All hosts may be long until TB_LIMIT_DEVICE_LISTS are there; from then on each has its share all the same. */
static void test_room(void)
{
        World w;
        setup(&w);
        guint long_ones = TB_LIMIT_DEVICE_LISTS / TB_LIMIT_DEVICE_LIST;
        Line *lines[TB_LIMIT_HOSTS];
        for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
                lines[i] = host_of(&w, i);
                send_list(&w, lines[i], list_of_size(TB_LIMIT_DEVICE_LIST));
                g_assert_cmpstr(told(lines[i], "code"), ==, i < long_ones ? "" : "too-large");
                if (i < long_ones)
                        continue;
                gsize left = TB_LIMIT_DEVICE_LISTS - (gsize)long_ones * TB_LIMIT_DEVICE_LIST;
                if (i == long_ones && left > TB_LIMIT_DEVICE_LIST_SHARE) {
                        send_list(&w, lines[i], list_of_size(left)); /* what fits still goes, to the byte */
                        g_assert_null(last(lines[i]));
                        send_list(&w, lines[i], list_of_size(left + 1));
                        g_assert_cmpstr(told(lines[i], "code"), ==, "too-large");
                        continue;
                }
                send_list(&w, lines[i], list_of_size(TB_LIMIT_DEVICE_LIST_SHARE + 1));
                g_assert_cmpstr(told(lines[i], "code"), ==, "too-large");
                send_list(&w, lines[i], list_of_size(TB_LIMIT_DEVICE_LIST_SHARE));
                g_assert_null(last(lines[i]));
        }
        json_auto_t *devices = list_of(&w, TB_LIST_DEVICES);
        g_assert_cmpuint(json_array_size(devices), ==, TB_LIMIT_HOSTS * TB_LIMIT_DEVICES);
        send_list(&w, lines[0], json_array()); /* what one gives up, another one has */
        send_list(&w, lines[TB_LIMIT_HOSTS - 1], list_of_size(TB_LIMIT_DEVICE_LIST_SHARE + 1));
        g_assert_cmpstr(told(lines[TB_LIMIT_HOSTS - 1], "code"), ==, "too-large"); /* the shares count, too */
        for (guint i = 1; i < long_ones; i++)
                send_list(&w, lines[i], json_array());
        send_list(&w, lines[TB_LIMIT_HOSTS - 1], list_of_size(TB_LIMIT_DEVICE_LIST));
        g_assert_null(last(lines[TB_LIMIT_HOSTS - 1]));
        for (guint i = 0; i < G_N_ELEMENTS(lines); i++)
                hang_up(&w, lines[i]);
        teardown(&w);
}

/* Of hosts that have left, the longest away are forgotten when there are too many, or too much of them. */
static void test_away_forgotten(void)
{
        World w;
        setup(&w);
        guint fit = TB_LIMIT_DEVICE_LISTS_AWAY / TB_LIMIT_DEVICE_LIST;
        for (guint i = 0; i <= fit; i++) {
                Line *host = host_of(&w, i);
                send_list(&w, host, list_of_size(TB_LIMIT_DEVICE_LIST));
                g_assert_null(last(host));
                hang_up(&w, host);
                json_auto_t *hosts = list_of(&w, TB_LIST_HOSTS);
                g_assert_cmpuint(json_array_size(hosts), ==, i < fit ? i + 1 : fit);
                w.now += 60000;
        }
        json_auto_t *hosts = list_of(&w, TB_LIST_HOSTS);
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(hosts, 0), "name")), ==, "h001");
        g_assert_false(json_boolean_value(json_object_get(json_array_get(hosts, 0), "online")));
        for (guint i = 1000; i <= 1000 + TB_LIMIT_HOSTS; i++)
                hang_up(&w, host_of(&w, i % 1000 + 100));
        w.now += 60000;
        json_auto_t *many = list_of(&w, TB_LIST_HOSTS);
        g_assert_cmpuint(json_array_size(many), ==, TB_LIMIT_HOSTS);
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(many, 0), "name")), ==, "h101");
        teardown(&w);
}

/* One text for all who ask between two changes; each change is seen, and hosts cannot make it costly. */
static void test_made_once(void)
{
        World w;
        setup(&w);
        Line *host = host_of(&w, 1);
        GBytes *a = tb_pairing_list(w.pairing, TB_LIST_DEVICES, NULL, w.now),
               *b = tb_pairing_list(w.pairing, TB_LIST_DEVICES, NULL, w.now);
        g_assert_true(a == b);
        g_bytes_unref(b);
        send_list(&w, host, list_of_size(TB_LIMIT_DEVICE_LIST));
        b = tb_pairing_list(w.pairing, TB_LIST_DEVICES, NULL, w.now);
        g_assert_true(a != b);
        g_assert_cmpuint(g_bytes_get_size(a), ==, 2); /* who reads it still has all of it */
        g_bytes_unref(a);
        g_bytes_unref(b);
        hang_up(&w, host);
        teardown(&w);
}

/* What the lists of many large hosts cost: changes of one of them, as fast as it may, for 20 s. */
static void test_made_seldom(void)
{
        World w;
        setup(&w);
        Line *lines[40];
        for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
                lines[i] = host_of(&w, i);
                send_list(&w, lines[i], list_of_size(TB_LIMIT_DEVICE_LIST));
        }
        GBytes *text = tb_pairing_list(w.pairing, TB_LIST_DEVICES, NULL, w.now);
        const gsize size = g_bytes_get_size(text);
        gsize made = 0;
        g_assert_cmpuint(size, >, G_N_ELEMENTS(lines) * TB_LIMIT_DEVICE_LIST);
        for (guint i = 0; i < 20 * TB_LIMIT_DEVICE_LISTS_OF_HOST_PER_S; i++) {
                w.now += 1000 / TB_LIMIT_DEVICE_LISTS_OF_HOST_PER_S;
                send_list(&w, lines[0], list_of_size(TB_LIMIT_DEVICE_LIST - i % 2));
                g_assert_null(last(lines[0]));
                GBytes *next = tb_pairing_list(w.pairing, TB_LIST_DEVICES, NULL, w.now);
                made += next != text ? g_bytes_get_size(next) : 0;
                g_bytes_unref(text);
                text = next;
        }
        g_assert_cmpuint(made, <=, (20 + 4) * TB_LIMIT_DEVICE_LISTS_PER_S);
        g_assert_cmpuint(made, >, (20 - 2) * TB_LIMIT_DEVICE_LISTS_PER_S); /* and no less than that */
        send_list(&w, lines[1], json_pack("[{s:s}]", "id", "newest"));
        w.now += 1000 * (gint64)size / TB_LIMIT_DEVICE_LISTS_PER_S + 1;
        GBytes *newest = tb_pairing_list(w.pairing, TB_LIST_DEVICES, NULL, w.now);
        g_assert_nonnull(g_strstr_len(g_bytes_get_data(newest, NULL), (gssize)g_bytes_get_size(newest),
                                      "\"id\":\"h001/newest\""));
        g_bytes_unref(newest);
        g_bytes_unref(text);
        for (guint i = 0; i < G_N_ELEMENTS(lines); i++)
                hang_up(&w, lines[i]);
        teardown(&w);
}

/* Readers that are slow hold what they began with. When that is much, the others read it too. */
static void test_held(void)
{
        World w;
        setup(&w);
        Line *lines[40];
        for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
                lines[i] = host_of(&w, i);
                send_list(&w, lines[i], list_of_size(TB_LIMIT_DEVICE_LIST));
        }
        g_autoptr(GPtrArray) held = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
        gsize sum = 0;
        for (guint i = 0; i < 30; i++) {
                w.now += 60000;
                send_list(&w, lines[0], list_of_size(TB_LIMIT_DEVICE_LIST - i % 2));
                GBytes *text = tb_pairing_list(w.pairing, TB_LIST_DEVICES, NULL, w.now);
                if (held->len == 0 || text != g_ptr_array_index(held, held->len - 1))
                        sum += g_bytes_get_size(text);
                g_ptr_array_add(held, text);
        }
        gsize size = g_bytes_get_size(g_ptr_array_index(held, 0));
        g_assert_cmpuint(sum, <=, TB_LIMIT_DEVICE_LISTS_HELD);
        g_assert_cmpuint(sum + size + 1, >, TB_LIMIT_DEVICE_LISTS_HELD);
        GBytes *last = g_bytes_ref(g_ptr_array_index(held, held->len - 1));
        g_ptr_array_set_size(held, 0);
        GBytes *next = tb_pairing_list(w.pairing, TB_LIST_DEVICES, NULL, w.now);
        g_assert_true(next != last);
        g_bytes_unref(next);
        for (guint i = 0; i < G_N_ELEMENTS(lines); i++)
                hang_up(&w, lines[i]);
        teardown(&w);
        g_assert_cmpuint(g_bytes_get_size(last), >, 2); /* a reader may outlive the pairing */
        g_bytes_unref(last);
}

static void test_rate(void)
{
        World w;
        setup(&w);
        Line *host = host_of(&w, 1);
        for (guint i = 0; i < 2 * TB_LIMIT_DEVICE_LISTS_OF_HOST_PER_S; i++) {
                send_list(&w, host, json_pack("[{s:s}]", "id", "taken"));
                g_assert_null(last(host));
        }
        send_list(&w, host, json_pack("[{s:s}]", "id", "dropped"));
        g_assert_cmpstr(told(host, "code"), ==, "rate");
        json_auto_t *devices = list_of(&w, TB_LIST_DEVICES);
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(devices, 0), "device")), ==,
                        "taken");
        w.now += 1000 / TB_LIMIT_DEVICE_LISTS_OF_HOST_PER_S + 1;
        send_list(&w, host, json_array());
        g_assert_null(last(host));
        for (guint i = 0; i < 1000 && !host->closed; i++) {
                w.now += i % 100 == 0;
                send_list(&w, host, json_array());
        }
        g_assert_cmpint(host->closed, ==, 1008);
        g_assert_cmpstr(told(host, "code"), ==, "rate");
        hang_up(&w, host);
        teardown(&w);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        tb_log_init(TB_LOG_ERROR, false);
        g_test_add_func("/device-list/fields", test_fields);
        g_test_add_func("/device-list/bounds", test_bounds);
        g_test_add_func("/device-list/size", test_size);
        g_test_add_func("/device-list/largest-host", test_largest_host);
        g_test_add_func("/lists/room", test_room);
        g_test_add_func("/lists/away-forgotten", test_away_forgotten);
        g_test_add_func("/lists/made-once", test_made_once);
        g_test_add_func("/lists/made-seldom", test_made_seldom);
        g_test_add_func("/lists/held", test_held);
        g_test_add_func("/lists/rate", test_rate);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
