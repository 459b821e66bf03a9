/* adb_ops.c - shell and sensors of a phone */
#include "drivers/adb/adb_lanes.h"

#include <string.h>

#include "drivers/adb/adb_dump.h"
#include "drivers/transport/samples.h"
#include "lib/limits.h"

#define MARK "@@testbed"

/* A phone that does not answer getprop is one all the same. */
static void tell_facts(TbInstance *self, TbIo *io)
{
        static const struct {
                const char *name, *prop;
        } facts[] = {{"manufacturer", "ro.product.manufacturer"},
                     {"model", "ro.product.model"},
                     {"android", "ro.build.version.release"},
                     {"api", "ro.build.version.sdk"},
                     {"abi", "ro.product.cpu.abi"},
                     {"build", "ro.build.display.id"},
                     {"serial", "ro.serialno"}};
        g_autoptr(GString) command = g_string_new(NULL);

        for (guint i = 0; i < G_N_ELEMENTS(facts); i++)
                g_string_append_printf(command, "getprop %s; ", facts[i].prop);
        g_autofree char *text = tb_adb_ask(io, &((TbAdbLane *)self)->target, command->str, NULL, NULL);
        if (text == NULL)
                return;
        g_auto(GStrv) lines = g_strsplit(text, "\n", G_N_ELEMENTS(facts) + 1);
        json_t *told = json_object();
        for (guint i = 0; i < G_N_ELEMENTS(facts) && lines[i] != NULL; i++) {
                const char *value = g_strstrip(lines[i]);
                if (*value != '\0' && strlen(value) <= TB_LIMIT_LABEL && g_utf8_validate(value, -1, NULL))
                        json_object_set_new(told, facts[i].name, json_string(value));
        }
        if (json_object_size(told) > 0)
                self->up->facts(self, told);
        else
                json_decref(told);
}

bool tb_adb_ops_open(TbInstance *self, TbIo *io, GError **error)
{
        if (!tb_adb_lane_open(self, io, error))
                return false;
        tell_facts(self, io);
        return true;
}

static bool shell_run(TbInstance *self, TbIo *io, const TbShellRequest *request, TbShellResult *ret,
                      GError **error)
{
        const TbAdbTarget *target = &((TbAdbLane *)self)->target;
        g_autofree char *quoted = request->argv != NULL ? tb_adb_quote_argv(request->argv) : NULL;

        return tb_adb_run(io, target, quoted != NULL ? quoted : request->command, request->input,
                          request->input_size, &ret->exit_code, ret->out, ret->err, error);
}

const TbShellOps tb_adb_shell_ops = {.run = shell_run};

static bool sample(TbInstance *self, TbIo *io, GError **error)
{
        static const char command[] =
                "dumpsys battery; echo " MARK
                "; cat /sys/class/power_supply/battery/current_now 2>/dev/null; echo " MARK
                "; dumpsys thermalservice 2>/dev/null";
        const TbAdbTarget *target = &((TbAdbLane *)self)->target;
        int code;
        g_autofree char *text = tb_adb_ask(io, target, command, &code, error);
        TbAdbBattery b;

        if (text == NULL)
                return false;
        g_auto(GStrv) parts = g_strsplit(text, MARK "\n", 3);
        if (g_strv_length(parts) != 3) {
                tb_set_error(error, TB_ERROR_DEVICE, "the shell of %s did not run dumpsys: is it an Android?",
                             target->serial);
                return false;
        }
        if (tb_adb_parse_battery(parts[0], parts[1], &b)) {
                tb_samples_tell(self, "battery.level", "ratio", "%", b.level_pct);
                tb_samples_tell(self, "battery.temperature", "temperature", "Cel", b.celsius);
                tb_samples_tell(self, "battery.voltage", "voltage", "V", b.volts);
                tb_samples_tell(self, "battery.current", "current", "A", b.amps);
                tb_samples_tell(self, "battery.power", "power", "W", b.volts * b.amps);
                tb_samples_tell(self, "battery.plugged", "state", "1", b.plugged < 0 ? NAN : b.plugged);
        }
        g_autoptr(GPtrArray) zones = tb_adb_parse_thermal(parts[2]);
        for (guint i = 0; i < zones->len; i++) {
                const TbAdbTemperature *t = g_ptr_array_index(zones, i);
                g_autofree char *stream = g_strdup_printf("thermal.%s", t->name);

                tb_samples_tell(self, stream, "temperature", "Cel", t->celsius);
        }
        return true;
}

const TbSensorOps tb_adb_sensor_ops = {.interval_ms = 10000, .sample = sample};
