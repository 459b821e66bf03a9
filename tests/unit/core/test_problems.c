/* What GET /host/health says of devices: which are missed, by name, and which may be away. The hardware is fake.c. */
#include <string.h>

#include "host/core/private.h"
#include "tests/unit/core/fake.h"

#define FAKE "\"attach\": \"fake://x\""

typedef struct Wanted {
        Bench *b;
        bool names;
        guint n;
        const char *text; /* in one of them; NULL: any */
} Wanted;

static bool says(gpointer data)
{
        const Wanted *w = data;
        json_auto_t *problems = tb_core_problems_json(w->b->core, w->names);
        gsize i;
        json_t *problem;
        bool found = !w->text;
        json_array_foreach (problems, i, problem)
                found |= strstr(json_string_value(problem), w->text ? w->text : "") != NULL;
        return found && json_array_size(problems) == w->n;
}

static void until(Bench *b, bool names, guint n, const char *text)
{
        bench_until(b, says, &(Wanted){b, names, n, text}, text ? text : "that all is well");
}

static void present(bool is)
{
        g_atomic_int_set(&fake.present, is);
        if (!is)
                g_atomic_int_set(&fake.lose, 1);
}

static void command(Bench *b, const char *verb, const char *params)
{
        Answer a = {0};
        bench_command(b, &a, TB_ROLE_ADMIN, NULL, "dut", verb, params);
        g_assert_no_error(a.error);
        answer_clear(&a);
}

/* Lost: said by name, with the interfaces of one reason together; back: not said any more. */
static void test_lost(void)
{
        Bench b;
        bench_start(&b, "{\"dut\": {" FAKE "}}", NULL);
        until(&b, true, 0, NULL);
        command(&b, "power.set", "{\"state\": \"on\"}");
        present(false);
        until(&b, true, 1, "dut: power, console, video, input, sensors absent: fake ");
        until(&b, false, 1, "devices that are not well: 1 ");
        present(true);
        until(&b, true, 0, NULL);
        bench_stop(&b, false);
}

/* Off on purpose, or said to be optional: no problem. What fails is one all the same. */
static void test_may_be_away(void)
{
        Bench b;
        bench_start(&b, "{\"dut\": {" FAKE "}}", NULL);
        until(&b, true, 0, NULL);
        command(&b, "power.set", "{\"state\": \"off\"}");
        TbInterface *console = tb_core_interface(b.core, "dut", "console", NULL);
        present(false);
        while (tb_interface_state(console, NULL) != TB_STATE_ABSENT)
                g_main_context_iteration(NULL, TRUE);
        until(&b, true, 0, NULL);
        console->state = TB_STATE_FAULT; /* as its lane would tell it */
        until(&b, true, 1, "dut: console fault: ");
        bench_stop(&b, false);

        bench_start(&b, "{\"dut\": {" FAKE ", \"optional\": true}}", NULL);
        console = tb_core_interface(b.core, "dut", "console", NULL);
        present(false);
        while (tb_interface_state(console, NULL) != TB_STATE_ABSENT)
                g_main_context_iteration(NULL, TRUE);
        until(&b, true, 0, NULL);
        bench_stop(&b, false);
}

/* `found`: what the driver's discovery says of its service; NULL: it has none. */
static bool is_service(Bench *b, const char *found, const char *want)
{
        json_auto_t *services = found ? json_pack("{s:s}", "fake", found) : json_object();
        tb_devices_services(b->core, services);
        return strcmp(json_string_value(json_object_get(services, "fake")), want) == 0;
}

static bool runs(gpointer data)
{
        return is_service(data, NULL, "running");
}

/* One that is ready does not hide another that is lost. */
static void test_two(void)
{
        Bench b;
        bench_start(&b, "{\"a\": {" FAKE "}, \"b\": {" FAKE "}}", NULL);
        bench_until(&b, runs, &b, "that all is open");
        TbInterface *video = tb_core_interface(b.core, "b", "video", NULL);
        video->state = TB_STATE_ABSENT;
        until(&b, true, 1, "b: video absent: ");
        g_assert_true(is_service(&b, NULL, "stopped"));
        g_assert_true(is_service(&b, "stopped", "stopped"));
        g_assert_true(is_service(&b, "running", "running")); /* the adb server, though a phone is away */
        video->state = TB_STATE_OPENING;
        g_assert_true(is_service(&b, NULL, "starting"));
        video->state = TB_STATE_READY;
        g_assert_true(is_service(&b, NULL, "running"));
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/problems/lost", test_lost);
        g_test_add_func("/problems/may-be-away", test_may_be_away);
        g_test_add_func("/problems/two", test_two);
        return g_test_run();
}
