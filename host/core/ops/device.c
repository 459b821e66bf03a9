/* The verbs of a whole device: what hangs on the bench, and under which name. */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"

static void get(TbCommand *c)
{
        tb_command_succeed(c, tb_device_json(c->device));
}

/*
 * What the command shall do, taken out of its parameters, which everybody may read in the audit trail: URIs hold secrets.
 * Then the command is none of the device any more, which ends what is under way for a device that goes.
 */
static json_t *take_spec(TbCommand *c)
{
        json_t *spec = json_copy(c->params);
        json_object_del(c->params, "attach");
        c->device = NULL;
        return spec;
}

/* As users may see it. */
static void tell_attach(TbCommand *c, const TbDevice *device)
{
        if (device->attachments->len == 1)
                json_object_set_new(c->params, "attach",
                                    json_string(((TbAttachment *)device->attachments->pdata[0])->shown));
}

static bool run_add(TbCommand *c, json_t *spec, GError **error)
{
        TbDevice *device = tb_core_add_device(c->core, &c->actor, spec, error);
        if (!device)
                return false;
        tell_attach(c, device);
        c->result = tb_device_json(device);
        return true;
}

static void add(TbCommand *c)
{
        GError *error = NULL;
        json_t *spec = take_spec(c);
        if (strcmp(json_string_value(json_object_get(spec, "id")), c->device_id) == 0) {
                tb_command_store(c, run_add, spec);
                return;
        }
        json_decref(spec);
        tb_error_set_field(&error, TB_ERROR_INVALID, "id", "\"id\" must be the device of the command, %s",
                           c->device_id);
        tb_command_fail(c, error, NULL);
}

static bool run_patch(TbCommand *c, json_t *change, GError **error)
{
        if (!tb_core_patch_device(c->core, &c->actor, c->device_id, change, error))
                return false;
        TbDevice *device = tb_core_device(c->core, c->device_id, NULL);
        if (json_object_get(change, "attach"))
                tell_attach(c, device);
        c->result = tb_device_json(device);
        return true;
}

static void patch(TbCommand *c)
{
        tb_command_store(c, run_patch, take_spec(c));
}

static bool run_remove(TbCommand *c, json_t *nothing G_GNUC_UNUSED, GError **error)
{
        return tb_core_remove_device(c->core, &c->actor, c->device_id, error);
}

static void take_away(TbCommand *c)
{
        tb_command_store(c, run_remove, take_spec(c));
}

static const TbParam add_params[] = {
        {.name = "id",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "lower case letters, digits, '.', '_', '-'"},
        {.name = "label",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_LABEL,
         .help = "what people call it",
         .shown = true},
        {.name = "attach",
         .type = TB_PARAM_ANY,
         .required = true,
         .help = "an attach URI, an array of them, or {interface: URI}"},
        TB_PARAM_DEVICE_MORE,
        TB_PARAM_END,
};
static const TbParam patch_params[] = {
        {.name = "label",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_LABEL,
         .help = "what people call it",
         .shown = true},
        {.name = "attach",
         .type = TB_PARAM_ANY,
         .help = "replaces the interfaces: an attach URI, an array of them, or {interface: URI}"},
        TB_PARAM_DEVICE_MORE,
        TB_PARAM_END,
};

const TbVerbRun tb_device_verbs[] = {
        {.verb = {.noun = "device",
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_VERB_QUIET,
                  .timeout_ms = 5000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "/host/devices/{id}",
                  .http = TB_VERB_SPECIAL,
                  .summary = "One device",
                  .answers = "200 application/json Device"},
         .start = get},
        {.verb = {.noun = "device",
                  .op = "add",
                  .role = TB_ROLE_ADMIN,
                  .flags = TB_VERB_ANY_DEVICE | TB_VERB_FINISHES,
                  .timeout_ms = 15000,
                  .params = add_params,
                  .method = "POST",
                  .path = "/host/devices",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Add a device; it is kept across restarts",
                  .answers = "201 application/json Device; 409"},
         .start = add},
        {.verb = {.noun = "device",
                  .op = "patch",
                  .role = TB_ROLE_ADMIN,
                  .flags = TB_VERB_CONTROL | TB_VERB_FINISHES,
                  .timeout_ms = 15000,
                  .params = patch_params,
                  .method = "PATCH",
                  .path = "/host/devices/{id}",
                  .summary = "Change label or interfaces",
                  .answers = "200 application/json Device; 409; 423"},
         .start = patch},
        {.verb = {.noun = "device",
                  .op = "remove",
                  .role = TB_ROLE_ADMIN,
                  .flags = TB_VERB_CONTROL | TB_VERB_ANY_DEVICE | TB_VERB_FINISHES,
                  .timeout_ms = 15000,
                  .params = tb_no_params,
                  .method = "DELETE",
                  .path = "/host/devices/{id}",
                  .summary = "Remove a device that REST added",
                  .answers = "204; 409; 423"},
         .start = take_away},
        {.verb = {.op = NULL}},
};
