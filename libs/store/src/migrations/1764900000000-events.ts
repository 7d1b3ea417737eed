import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The log of changes of state. Triggers write it, so that no change goes without its event, whoever makes it, and none
 * is told of that was rolled back. They run at the end of their transaction and one transaction at a time: an event that
 * can be seen is later than all that could be seen before, and nobody who waits for that holds what another one needs.
 */
export class Events1764900000000 implements MigrationInterface {
  readonly name = 'Events1764900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE event (
        id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at      timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        kind    text NOT NULL CHECK (kind IN ('vm', 'host', 'migration', 'operation')),
        name    text NOT NULL,
        vm      text,
        project text,
        before  text,
        state   text NOT NULL,
        reason  text NOT NULL
      )`);
    await runner.query(`CREATE INDEX event_by_vm ON event (vm, id)`);
    await runner.query(`CREATE INDEX event_by_name ON event (kind, name, id)`);
    // Any constant does: 'V3EV' in ASCII.
    await runner.query(`
      CREATE FUNCTION log_event(kind text, name text, vm text, project text, before text, state text, reason text)
      RETURNS void
      LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_advisory_xact_lock(x'56334556'::int);
        INSERT INTO event (kind, name, vm, project, before, state, reason)
          VALUES (kind, name, vm, project, before, state, reason);
        NOTIFY v3_event;
      END $$`);
    await this.trigger(
      runner,
      'vm_status',
      'INSERT OR UPDATE',
      `DECLARE the_name text; the_project text; earlier text;
       BEGIN
         IF TG_OP = 'UPDATE' THEN
           IF OLD.state = NEW.state THEN RETURN NULL; END IF;
           earlier := OLD.state;
         ELSE
           earlier := 'STOPPED';
         END IF;
         SELECT vm.name, vm.project INTO the_name, the_project FROM vm WHERE id = NEW.vm_id;
         IF the_name IS NOT NULL AND earlier IS DISTINCT FROM NEW.state THEN
           PERFORM log_event('vm', the_name, the_name, the_project, earlier, NEW.state, NEW.reason);
         END IF;
         RETURN NULL;
       END`,
    );
    await this.trigger(
      runner,
      'vm',
      'INSERT OR UPDATE OR DELETE',
      `DECLARE now_in text;
       BEGIN
         IF TG_OP = 'INSERT' THEN
           PERFORM log_event('vm', NEW.name, NEW.name, NEW.project, NULL, 'STOPPED', 'defined on ' || NEW.owner_host);
         ELSIF TG_OP = 'DELETE' THEN
           PERFORM log_event('vm', OLD.name, OLD.name, OLD.project, 'STOPPED', 'DELETED', 'its definition was deleted');
         ELSIF OLD.owner_host <> NEW.owner_host THEN
           SELECT coalesce((SELECT state FROM vm_status WHERE vm_id = NEW.id), 'STOPPED') INTO now_in;
           PERFORM log_event('vm', NEW.name, NEW.name, NEW.project, now_in, now_in,
                             'its owner was ' || OLD.owner_host || ' and is ' || NEW.owner_host);
         END IF;
         RETURN NULL;
       END`,
    );
    await this.trigger(
      runner,
      'host',
      'INSERT OR UPDATE OR DELETE',
      `BEGIN
         IF TG_OP = 'INSERT' THEN
           PERFORM log_event('host', NEW.name, NULL, NULL, NULL, 'DECLARED', 'the cluster has it');
         ELSIF TG_OP = 'DELETE' THEN
           PERFORM log_event('host', OLD.name, NULL, NULL, 'DECLARED', 'DELETED', 'the cluster has it no more');
         ELSIF OLD.cordoned <> NEW.cordoned THEN
           PERFORM log_event('host', NEW.name, NULL, NULL, CASE WHEN OLD.cordoned THEN 'CORDONED' ELSE 'UNCORDONED' END,
                             CASE WHEN NEW.cordoned THEN 'CORDONED' ELSE 'UNCORDONED' END,
                             CASE WHEN NEW.cordoned THEN 'it gets no further virtual machines' ELSE 'it gets virtual machines again' END);
         END IF;
         RETURN NULL;
       END`,
    );
    await this.trigger(
      runner,
      'operation',
      'INSERT OR UPDATE',
      `DECLARE of_vm text := substring(NEW.target FROM '^vms/(.+)$');
       BEGIN
         IF TG_OP = 'INSERT' THEN
           PERFORM log_event('operation', NEW.id::text, of_vm, NEW.project, NULL, 'RUNNING', NEW.verb || ' ' || NEW.target);
         ELSIF NEW.done AND NOT OLD.done THEN
           PERFORM log_event('operation', NEW.id::text, of_vm, NEW.project, 'RUNNING',
             CASE WHEN jsonb_typeof(NEW.error) = 'object' THEN 'FAILED' ELSE 'SUCCEEDED' END,
             NEW.verb || ' ' || NEW.target || coalesce(': ' || (NEW.error ->> 'detail'), ''));
         END IF;
         RETURN NULL;
       END`,
    );
    await this.trigger(
      runner,
      'vm_migration',
      'INSERT OR UPDATE',
      `DECLARE earlier text; the_project text; phase text := NEW.progress ->> 'phase';
       BEGIN
         IF TG_OP = 'UPDATE' THEN earlier := OLD.progress ->> 'phase'; END IF;
         IF earlier IS DISTINCT FROM phase THEN
           -- It outlives its VM, and then is its operation's.
           the_project := coalesce((SELECT vm.project FROM vm WHERE id = NEW.vm_id),
                                   (SELECT operation.project FROM operation WHERE id = NEW.operation_id));
           PERFORM log_event('migration', NEW.id::text, NEW.vm, the_project, earlier, phase,
                             coalesce(NEW.progress ->> 'reason', ''));
         END IF;
         RETURN NULL;
       END`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['vm_status', 'vm', 'host', 'operation', 'vm_migration']) {
      await runner.query(`DROP TRIGGER ${table}_event ON ${table}`);
      await runner.query(`DROP FUNCTION ${table}_event()`);
    }
    await runner.query(`DROP FUNCTION log_event(text, text, text, text, text, text, text)`);
    await runner.query(`DROP TABLE event`);
  }

  private async trigger(runner: QueryRunner, table: string, when: string, body: string): Promise<void> {
    await runner.query(`CREATE FUNCTION ${table}_event() RETURNS trigger LANGUAGE plpgsql AS $$ ${body} $$`);
    await runner.query(
      `CREATE CONSTRAINT TRIGGER ${table}_event AFTER ${when} ON ${table}
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${table}_event()`,
    );
  }
}
