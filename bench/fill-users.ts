/** Fills a migrated state database with users as a company of that size has them: set-based, in seconds. */
import type pg from 'pg';

/** Of so many users one is inactive, not in scope, failed, or held; the others are active. */
const oneIn = { inactive: 50, leftScope: 100, failed: 200, held: 250 } as const;

const person = `lpad(to_hex(n), 12, '0') as hex,
  (array['Anna','Björn','Chloé','Dmitri','Eva','Farid','Grace','Hiro','Inés','Jakub'])[1 + n % 10] as given,
  (array['Adler','Berg','Costa','Dubois','Eriksen','Fischer','García','Hansen','Ito','Jansen','Kowalski'])[1 + n / 10 % 11] as family`;

/** Of a user by number, from 1. */
export function objectId(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** Users by `objectId`, with their accounts; some failed, some held. */
export async function fillUsers(pool: pg.Pool, count: number): Promise<void> {
  await pool.query(
    `insert into users (id, attributes, user_name, search, in_scope)
     select ('00000000-0000-4000-8000-' || hex)::uuid,
       jsonb_build_object('id', '00000000-0000-4000-8000-' || hex, 'userPrincipalName', name, 'mail', given || '.' || family || n || '@mail.contoso.example',
         'givenName', given, 'surname', family, 'jobTitle', 'Engineer ' || n % 40, 'department', 'Department ' || n % 90,
         'accountEnabled', true, 'userType', 'Member', 'city', 'City ' || n % 70, 'mobilePhone', '+49 ' || n, 'employeeId', n::text),
       name, translate(lower(concat_ws(' ', name, given || '.' || family || n || '@mail.contoso.example', given, family)), 'öéí', 'oei'), n % ${oneIn.leftScope} <> 0
     from (select n, hex, given, family, lower(given || '.' || family) || n || '@contoso.example' as name
           from (select n, ${person} from generate_series(1, $1::integer) as n) p) named`,
    [count],
  );
  await pool.query(
    `insert into links (entra_id, maptician_id, user_name, active, applied)
     select id, gen_random_uuid()::text, user_name,
       row_number() over (order by id) % ${oneIn.inactive} <> 0 and in_scope,
       jsonb_build_object('userName', user_name, 'active', in_scope, 'emails[type eq "work"].value', attributes->>'mail',
         'name.givenName', attributes->>'givenName', 'name.familyName', attributes->>'surname', 'externalId', id,
         'title', attributes->>'jobTitle', 'userType', 'Member', 'addresses[type eq "work"].locality', attributes->>'city')
     from users`,
  );
  await pool.query(
    `insert into escrow (entra_id, action, code, reason, attempts, first_failed_at, last_failed_at, next_retry_at, last_cycle_id, http_status)
     select id, 'update', case n % 3 when 0 then 'Conflict' when 1 then 'UnprocessableEntity' else 'InternalServerError' end,
       'The value of ' || user_name || ' was refused', 1 + n % 5, now() - interval '3 days', now(), now() + interval '5 hours', 1,
       case n % 3 when 0 then 409 when 1 then 422 else 500 end
     from (select *, row_number() over (order by id) as n from users) u where n % ${oneIn.failed} = 0`,
  );
  // A failure that all of a subsidiary have, who come late in the alphabet.
  await pool.query(
    `insert into escrow (entra_id, action, code, reason, attempts, first_failed_at, last_failed_at, next_retry_at, last_cycle_id, http_status)
     select id, 'update', 'Forbidden', 'Their domain is not allowed', 1, now(), now(), now() + interval '5 hours', 1, 403
     from users where lower(user_name) >= 'jakub.k' order by lower(user_name) desc limit 5000 on conflict do nothing`,
  );
  await pool.query(
    `insert into operations (cycle_id, entra_id, kind, maptician_id, attributes, reason, state, set_id)
     select 1, entra_id, 'deactivate', maptician_id, '{"active": false}', 'disabled in Entra', 'held', 1
     from (select *, row_number() over (order by entra_id) as n from links) l where n % ${oneIn.held} = 0`,
  );
  await pool.query('vacuum analyze users, links, escrow, operations');
}
