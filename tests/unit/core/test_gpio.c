/* The kind gpio: set is read back and told to all, a press ends however it goes, role and lease hold. */
#include <string.h>

#include "host/core/private.h"
#include "lib/limits.h"
#include "tests/unit/core/fake.h"

#define ONE "{\"dut\": {\"label\": \"Board\", \"attach\": \"fake://lines\"}}"

static bool is_ready(gpointer data)
{
        TbInterface *i = tb_core_interface(((Bench *)data)->core, "dut", "gpio", NULL);
        return i && tb_interface_state(i, NULL) == TB_STATE_READY;
}

static void note(const TbEvent *event, gpointer user)
{
        if (strcmp(event->type, "gpio.state") != 0)
                return;
        const json_t *boot = json_array_get(json_object_get(event->data, "lines"), 0);
        g_string_append_printf(user, "%s/%s:%d ", event->device, event->interface,
                               json_is_true(json_object_get(boot, "on")));
}

static bool boot_of(const json_t *result)
{
        return json_is_true(json_object_get(json_array_get(json_object_get(result, "lines"), 0), "on"));
}

static void begin(Bench *b)
{
        bench_start(b, ONE, NULL);
        bench_until(b, is_ready, b, "the lane");
        g_atomic_int_set(&fake.sets, 0);
        g_atomic_int_set(&fake.power, 0);
        g_atomic_int_set(&fake.fail_sets, 0);
}

static void test_set(void)
{
        Bench b;
        Answer a = {0};
        g_autoptr(GString) told = g_string_new(NULL);
        begin(&b);
        guint id = tb_bus_subscribe(tb_core_bus(b.core), note, told);
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "gpio.get", NULL);
        g_assert_no_error(a.error);
        g_assert_cmpuint(json_array_size(json_object_get(a.result, "lines")), ==, 2);
        answer_clear(&a);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "gpio.set",
                      "{\"line\": \"boot\", \"on\": true}");
        g_assert_no_error(a.error);
        g_assert_true(boot_of(a.result));
        g_assert_cmpstr(told->str, ==, "dut/gpio:1 ");
        answer_clear(&a);

        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "gpio.set",
                      "{\"line\": \"reset\", \"on\": true}");
        g_assert_error(a.error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_cmpstr(tb_error_field(a.error), ==, "line");
        answer_clear(&a);
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "gpio.set", "{\"line\": \"boot\", \"on\": false}");
        g_assert_error(a.error, TB_ERROR, TB_ERROR_FORBIDDEN);
        answer_clear(&a);
        tb_bus_unsubscribe(tb_core_bus(b.core), id);
        bench_stop(&b, false);
}

static void press(Bench *b, Answer *a, const char *params)
{
        bench_command(b, a, TB_ROLE_OPERATOR, NULL, "dut", "gpio.pulse", params);
}

static void test_pulse(void)
{
        Bench b;
        Answer a = {0};
        begin(&b);
        press(&b, &a, "{\"line\": \"boot\", \"ms\": 1}");
        g_assert_no_error(a.error);
        g_assert_cmpint(g_atomic_int_get(&fake.sets), ==, 2);
        g_assert_false(boot_of(a.result));
        answer_clear(&a);
        press(&b, &a, "{\"line\": \"boot\", \"ms\": 1, \"on\": false}");
        g_assert_true(boot_of(a.result));
        answer_clear(&a);

        g_atomic_int_set(&fake.sets, 0);
        g_atomic_int_set(&fake.fail_sets, 2); /* the second */
        press(&b, &a, "{\"line\": \"boot\", \"ms\": 1}");
        g_assert_error(a.error, TB_ERROR, TB_ERROR_DEVICE);
        g_assert_nonnull(strstr(a.error->message, "boot is left on"));
        answer_clear(&a);
        bench_stop(&b, false);
}

static bool is_pressed(gpointer data G_GNUC_UNUSED)
{
        return g_atomic_int_get(&fake.power) == 1;
}

static bool is_settled(gpointer data)
{
        return g_hash_table_size(((Bench *)data)->core->commands) == 0 && g_atomic_int_get(&fake.power) == 0;
}

/* Somebody takes the device while a button is pressed: it comes up. */
static void test_taken(void)
{
        Bench b;
        Answer a = {0};
        const TbActor operator_ = {.user = "op", .role = TB_ROLE_OPERATOR, .via = "rest"};
        begin(&b);
        json_auto_t *params = json_pack("{s:s, s:i}", "line", "boot", "ms", TB_LIMIT_PULSE_MS);
        tb_core_command(b.core, &operator_, "dut", "gpio.pulse", params, NULL, answer_cb, &a);
        bench_until(&b, is_pressed, &b, "the press");
        Answer taken = {0};
        bench_command(&b, &taken, TB_ROLE_ADMIN, NULL, "dut", "lease.take", "{\"ttl_s\": 60}");
        g_assert_no_error(taken.error);
        answer_clear(&taken);
        bench_until(&b, is_settled, &b, "the end of the press");
        g_assert_nonnull(a.error);
        answer_clear(&a);
        bench_stop(&b, false);
}

static void test_limits(void)
{
        Bench b;
        Answer a = {0};
        begin(&b);
        g_autofree char *over = g_strdup_printf("{\"line\": \"boot\", \"ms\": %d}", TB_LIMIT_PULSE_MS + 1);
        press(&b, &a, over);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_cmpstr(tb_error_field(a.error), ==, "ms");
        answer_clear(&a);
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/gpio/set", test_set);
        g_test_add_func("/gpio/pulse", test_pulse);
        g_test_add_func("/gpio/taken", test_taken);
        g_test_add_func("/gpio/limits", test_limits);
        return g_test_run();
}
