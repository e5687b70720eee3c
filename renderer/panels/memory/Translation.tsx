import type { ReactElement } from 'react';
import type { MemoryPage, MemoryView } from '../../../app/bridge.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import { rowsOnPage } from '../../store/vcpu/memory-matrix.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { grouped, pageAt } from './page-text.ts';
import { sizeText } from './size-text.ts';

interface TranslationProps {
  readonly memory: MemoryView;
  readonly form: MemoryForm;
  /** The page of this address is the one whose walk is shown. */
  readonly address: bigint;
}

/** The pages that were read, linear to physical, and the walk to the one that has the focus. */
export function Translation({ memory, form, address }: TranslationProps): ReactElement {
  const { pages, translations } = memory;
  const rows = memory.rows.map((row) => ({ address: BigInt(row.address) }));
  const here = pageAt(pages, address) ?? pages[0] ?? null;
  const hasKey = pages.some(({ key }) => key !== null);
  return (
    <div className="memory-translation">
      <div className="line small">
        <h2 className="strong">Translation</h2>
        <span className="text-3">linear to physical</span>
        <span className="push" />
        <span className="pill is-written" data-testid="memory-proof">
          <Glyph name="check" className="g12" />
          {translations === 0 ? 'held by the model' : `proven by ${translations} translations`}
        </span>
      </div>
      {pages.length === 0 ? null : (
        <table className="memory-pages small" aria-label="Translation">
          <thead>
            <tr className="text-3">
              <th scope="col">rows</th>
              <th scope="col">linear page</th>
              <th scope="col">physical</th>
              <th scope="col">size</th>
              <th scope="col">access rights</th>
              <th scope="col">flags</th>
              {hasKey ? <th scope="col">key</th> : null}
              <th scope="col">{form.look === 'matrix' ? 'a load of these rows touches' : 'shown'}</th>
            </tr>
          </thead>
          <tbody className="val">
            {pages.map((page) => (
              <Page
                key={page.linear}
                page={page}
                touched={rowsOnPage(rows, form.rowBytes, BigInt(page.linear))}
                {...{ hasKey }}
                all={rows.length}
              />
            ))}
          </tbody>
        </table>
      )}
      {here === null || here.walk.length === 0 ? null : (
        <p className="memory-walk small" data-testid="memory-walk">
          <span className="text-3">walk to {here.linear.slice(2)}</span>
          {here.walk.map(({ table, index, entry }, at) => (
            <span key={table} className="line tight nowrap">
              {at === 0 ? null : <Glyph name="arrow" className="g12 text-3" />}
              <span className="val text-2">
                {table}[{index}]
              </span>
              <span className={`val ${at === here.walk.length - 1 && here.physical === null ? 'is-armed' : ''}`}>
                {grouped(entry)}
              </span>
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

interface PageProps {
  readonly page: MemoryPage;
  readonly touched: ReturnType<typeof rowsOnPage>;
  readonly all: number;
  readonly hasKey: boolean;
}

function Page({ page, touched, all, hasKey }: PageProps): ReactElement {
  const { linear, physical, pageBytes, rights, flags, key, why } = page;
  return (
    <tr>
      <td>
        <span className="line tight">
          <Glyph
            name={physical === null ? 'warn' : 'check'}
            className={`g12 ${physical === null ? 'is-armed' : 'is-written'}`}
          />
          {touched === null ? '' : touched.first === touched.last ? touched.first : `${touched.first}–${touched.last}`}
        </span>
      </td>
      <td>{linear.slice(2)}</td>
      {physical === null ? (
        <td className="is-armed" colSpan={hasKey ? 5 : 4}>
          {why}
        </td>
      ) : (
        <>
          <td>{grouped(physical)}</td>
          <td>{sizeText(pageBytes)}</td>
          <td>
            <span className="line tight">
              {rights.split(' ').map((right) => (
                <span key={right} className="tag">
                  {right}
                </span>
              ))}
            </span>
          </td>
          <td>{flags}</td>
          {hasKey ? <td>{key ?? ''}</td> : null}
        </>
      )}
      <td className="text-2">
        {touched === null ? '' : `${touched.count} of ${count(all, 'row')}, ${count(touched.bytes, 'byte')}`}
      </td>
    </tr>
  );
}
