/* tools_apps.c - pm, am, cmd, monkey of the simulated phone; installing starts in client.c, which holds the
 * APK */
#include "tests/sim/android/tool.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/android/log.h"
#include "tests/sim/android/screen.h"

static int list_packages(SimCall *call, int from)
{
        bool with_path = false, third = false, system = false;
        const char *filter = NULL;

        for (int i = from; i < call->argc; i++) {
                if (strcmp(call->argv[i], "-f") == 0)
                        with_path = true;
                else if (strcmp(call->argv[i], "-3") == 0)
                        third = true;
                else if (strcmp(call->argv[i], "-s") == 0)
                        system = true;
                else if (strcmp(call->argv[i], "--user") == 0)
                        i++;
                else if (call->argv[i][0] != '-')
                        filter = call->argv[i];
        }
        for (guint i = 0; i < call->phone->packages->len; i++) {
                SimPackage *p = g_ptr_array_index(call->phone->packages, i);

                if ((third && p->system) || (system && !p->system) ||
                    (filter && strstr(p->name, filter) == NULL))
                        continue;
                if (with_path)
                        g_string_append_printf(call->out, "package:%s=%s\n", p->path, p->name);
                else
                        g_string_append_printf(call->out, "package:%s\n", p->name);
        }
        return 0;
}

static int uninstall(SimCall *call, const char *name)
{
        SimPackage *p = sim_phone_find_package(call->phone, name);
        g_autofree char *path = p != NULL ? g_strdup(p->path) : NULL;

        if (p == NULL || !sim_phone_remove_package(call->phone, name)) {
                g_string_append(call->out, "Failure [DELETE_FAILED_INTERNAL_ERROR]\n");
                return 1;
        }
        g_autofree char *real = g_strconcat(call->phone->root, path, NULL);
        g_autofree char *folder = g_path_get_dirname(real);
        if (remove(real) == 0)
                remove(folder);
        sim_log_add(call->phone->log, 'I', "PackageManager", "Uninstalled %s", name);
        g_string_append(call->out, "Success\n");
        return 0;
}

int sim_tool_pm(SimCall *call)
{
        const char *verb = call->argc > 1 ? call->argv[1] : "";
        const char *last = call->argc > 2 ? call->argv[call->argc - 1] : "";
        SimPackage *p = sim_phone_find_package(call->phone, last);

        if (strcmp(verb, "list") == 0 && call->argc > 2 && strcmp(call->argv[2], "packages") == 0)
                return list_packages(call, 3);
        if (strcmp(verb, "path") == 0) {
                if (p != NULL)
                        g_string_append_printf(call->out, "package:%s\n", p->path);
                return p != NULL ? 0 : 1;
        }
        if (strcmp(verb, "uninstall") == 0)
                return uninstall(call, last);
        if (strcmp(verb, "clear") == 0) {
                g_string_append(call->out, p != NULL ? "Success\n" : "Failed\n");
                return p != NULL ? 0 : 1;
        }
        if (strcmp(verb, "resolve-activity") == 0) {
                if (p == NULL)
                        g_string_append(call->out, "No activity found\n");
                else
                        g_string_append_printf(
                                call->out, "priority=0 preferredOrder=0 match=0x108000\n%s/.Main\n", last);
                return 0;
        }
        if (strcmp(verb, "sim-register") == 0 && call->argc == 4) { /* the last step of client.c's install */
                sim_phone_add_package(call->phone, call->argv[2], call->argv[3], false);
                sim_log_add(call->phone->log, 'I', "PackageManager", "Installed %s", call->argv[2]);
                g_string_append(call->out, "Success\n");
                return 0;
        }
        g_string_append_printf(call->err, "Unknown command: %s\n", verb);
        return 255;
}

static int start(SimCall *call)
{
        const char *component = NULL;

        for (int i = 2; i < call->argc; i++) {
                if ((strcmp(call->argv[i], "-a") == 0 || strcmp(call->argv[i], "-c") == 0 ||
                     strcmp(call->argv[i], "--user") == 0 || strcmp(call->argv[i], "-d") == 0 ||
                     strcmp(call->argv[i], "-f") == 0) &&
                    i + 1 < call->argc)
                        i++;
                else if (strcmp(call->argv[i], "-n") == 0 && i + 1 < call->argc)
                        component = call->argv[++i];
                else if (call->argv[i][0] != '-')
                        component = call->argv[i];
        }
        g_autofree char *package =
                g_strndup(component ? component : "", component ? strcspn(component, "/") : 0);
        if (component == NULL) {
                g_string_append(call->err, "Error: No intent supplied\n");
                return 1;
        }
        g_string_append_printf(call->out, "Starting: Intent { cmp=%s }\n", component);
        if (sim_phone_find_package(call->phone, package) == NULL) {
                g_string_append_printf(
                        call->out, "Error type 3\nError: Activity class {%s} does not exist.\n", component);
                return 1;
        }
        sim_screen_start_app(call->phone->screen, package);
        return 0;
}

int sim_tool_am(SimCall *call)
{
        const char *verb = call->argc > 1 ? call->argv[1] : "";

        if (strcmp(verb, "start") == 0 || strcmp(verb, "start-activity") == 0)
                return start(call);
        if ((strcmp(verb, "force-stop") == 0 || strcmp(verb, "kill") == 0) && call->argc > 2) {
                sim_screen_stop_app(call->phone->screen, call->argv[call->argc - 1]);
                sim_log_add(call->phone->log, 'I', "ActivityManager", "Force stopping %s",
                            call->argv[call->argc - 1]);
                return 0;
        }
        if (strcmp(verb, "get-current-user") == 0) {
                g_string_append(call->out, "0\n");
                return 0;
        }
        g_string_append_printf(call->err, "Error: unknown command '%s'\n", verb);
        return 255;
}

int sim_tool_monkey(SimCall *call)
{
        const char *package = NULL;

        for (int i = 1; i + 1 < call->argc; i++)
                if (strcmp(call->argv[i], "-p") == 0)
                        package = call->argv[i + 1];
        if (package == NULL || sim_phone_find_package(call->phone, package) == NULL) {
                g_string_append(call->out, "** No activities found to run, monkey aborted.\n");
                return 252;
        }
        sim_screen_start_app(call->phone->screen, package);
        g_string_append(call->out, "Events injected: 1\n");
        return 0;
}

int sim_tool_cmd(SimCall *call)
{
        const char *service = call->argc > 1 ? call->argv[1] : "";

        if (strcmp(service, "-l") == 0) {
                g_string_append(call->out, "Currently running services:\n  activity\n  battery\n  package\n");
                return 0;
        }
        SimCall inner = *call; /* the same call without its first word */
        inner.argc--;
        inner.argv++;
        if (strcmp(service, "activity") == 0)
                return sim_tool_am(&inner);
        if (strcmp(service, "package") == 0)
                return sim_tool_pm(&inner);
        if (strcmp(service, "battery") == 0)
                return sim_tool_dumpsys(call); /* "battery set ..." stands where dumpsys expects it */
        g_string_append_printf(call->err, "cmd: Can't find service: %s\n", service);
        return 20;
}
